-- A column of every type that a conversion has.
CREATE TABLE types (
    a_bigint INTEGER, an_integer INTEGER, a_smallint INTEGER, a_boolean INTEGER, a_double REAL, a_real REAL, a_numeric NUMERIC, a_price TEXT,
    a_text TEXT, a_bytea BLOB, a_json TEXT, a_jsonb TEXT NOT NULL DEFAULT '{}', a_timestamptz INTEGER, a_timestamp TEXT, a_date TEXT, a_time TEXT,
    a_uuid TEXT, an_inet TEXT, a_cidr TEXT, a_macaddr TEXT, a_macaddr8 TEXT, an_interval TEXT, a_money INTEGER,
    texts TEXT, smallints TEXT, integers TEXT, bigints TEXT, booleans TEXT, doubles TEXT, numerics TEXT, uuids TEXT,
    default_uuid TEXT DEFAULT '00000000-0000-0000-0000-00000000000a', default_date TEXT DEFAULT '2024-01-02', default_time TEXT DEFAULT '10:00:00',
    default_inet TEXT DEFAULT '10.0.0.1', default_moment INTEGER DEFAULT 1700000000000, default_bool INTEGER DEFAULT 1,
    clock_date TEXT DEFAULT CURRENT_DATE, clock_time TEXT DEFAULT CURRENT_TIME, clock_timestamp TEXT DEFAULT CURRENT_TIMESTAMP
);
