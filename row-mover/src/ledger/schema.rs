//! The ledger's tables as Diesel knows them; `ledger-migrations` makes them.

diesel::table! {
    migration.runs (id) {
        id -> Int8,
        started_at -> Timestamptz,
        tool_version -> Text,
        source_path -> Text,
        plan_sha256 -> Text,
        plan -> Text,
        tables -> Array<Text>,
        seal -> Text,
    }
}

diesel::table! {
    migration.phases (run_id, phase) {
        run_id -> Int8,
        phase -> Text,
        seconds -> Float8,
        finished_at -> Timestamptz,
    }
}

diesel::table! {
    migration.chunks (run_id, table_name, chunk) {
        run_id -> Int8,
        table_name -> Text,
        chunk -> Int8,
        rowid_first -> Nullable<Int8>,
        rowid_last -> Nullable<Int8>,
        rows -> Nullable<Int8>,
        bytes -> Nullable<Int8>,
        seconds -> Nullable<Float8>,
        done_at -> Nullable<Timestamptz>,
        rejected -> Int8,
        nulled -> Int8,
        planned_rows -> Nullable<Int8>,
        planned_bytes -> Nullable<Int8>,
        digest -> Nullable<Text>,
    }
}

diesel::table! {
    migration.builds (run_id, build) {
        run_id -> Int8,
        build -> Int8,
        table_name -> Text,
        what -> Text,
        seconds -> Nullable<Float8>,
        done_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    migration.checks (run_id, check_name) {
        run_id -> Int8,
        check_name -> Text,
        seconds -> Float8,
        problems -> Array<Text>,
        left_out -> Array<Text>,
        begun_at -> Timestamptz,
    }
}
