//! Takes out of a timeline the times in which nothing was at work: between a run that was killed and the one that resumed it, and
//! before a validation on another day. What took time would be too small to see beside them.

use crate::model::Span;

/// The same spans, each as much earlier as nothing was at work before it; in the order in which they began.
pub fn without_idle_times(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by(|one, other| one.begin_seconds.total_cmp(&other.begin_seconds));
    let (mut idle_seconds, mut end_seconds) = (0.0, 0.0);
    for span in &mut spans {
        let begin = span.begin_seconds - idle_seconds;
        if begin > end_seconds {
            idle_seconds += begin - end_seconds;
        }
        span.begin_seconds -= idle_seconds;
        end_seconds = f64::max(end_seconds, span.begin_seconds + span.seconds);
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SpanKind;

    fn span(begin_seconds: f64, seconds: f64) -> Span {
        Span { kind: SpanKind::Phase, name: String::new(), table: None, begin_seconds, seconds }
    }

    #[test]
    fn what_was_at_once_stays_at_once_and_what_came_later_follows() {
        let spans =
            vec![span(1000.0, 4.0), span(0.0, 2.0), span(1.0, 3.0), span(10.0, 1.0), span(1001.0, 1.0)];
        let begins: Vec<f64> = without_idle_times(spans).iter().map(|span| span.begin_seconds).collect();
        assert_eq!(begins, [0.0, 1.0, 4.0, 5.0, 6.0]);
        assert_eq!(without_idle_times(Vec::new()), []);
    }
}
