//! Mistakes that an implementation could make. A model with one of them must be told from a correct one.

/// One mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is named like what goes wrong")]
pub enum Flaw {
    AcceptsAnyMoment,
    AcceptsNul,
    AnyKeyOpensTokens,
    ClaimIgnoresAge,
    ClaimIgnoresPriority,
    ConsumeGoesBelowZero,
    ContainmentIsEquality,
    DeleteKeepsHistory,
    DeleteSparesCancelled,
    EmailsIgnoreCase,
    EndCountsOne,
    EnqueueReplaces,
    FailKeepsProgress,
    HistoryStaysOpen,
    JsonNullIsNoResult,
    MergeReplaces,
    NullIsAbsent,
    PeriodEndsLater,
    RecoverForgetsHistory,
    RecoverIncludesTheMoment,
    RecoveriesAreNotCounted,
    RefreshForgetsRefreshToken,
    RetryOfCancelled,
    SaveForgetsCreation,
    SessionsExpireByAge,
    SetsWithoutComparing,
    ToolsIgnoreCase,
}

impl Flaw {
    /// All of them.
    pub const ALL: [Flaw; 27] = [
        Flaw::AcceptsAnyMoment,
        Flaw::AcceptsNul,
        Flaw::AnyKeyOpensTokens,
        Flaw::ClaimIgnoresAge,
        Flaw::ClaimIgnoresPriority,
        Flaw::ConsumeGoesBelowZero,
        Flaw::ContainmentIsEquality,
        Flaw::DeleteKeepsHistory,
        Flaw::DeleteSparesCancelled,
        Flaw::EmailsIgnoreCase,
        Flaw::EndCountsOne,
        Flaw::EnqueueReplaces,
        Flaw::FailKeepsProgress,
        Flaw::HistoryStaysOpen,
        Flaw::JsonNullIsNoResult,
        Flaw::MergeReplaces,
        Flaw::NullIsAbsent,
        Flaw::PeriodEndsLater,
        Flaw::RecoverForgetsHistory,
        Flaw::RecoverIncludesTheMoment,
        Flaw::RecoveriesAreNotCounted,
        Flaw::RefreshForgetsRefreshToken,
        Flaw::RetryOfCancelled,
        Flaw::SaveForgetsCreation,
        Flaw::SessionsExpireByAge,
        Flaw::SetsWithoutComparing,
        Flaw::ToolsIgnoreCase,
    ];
}
