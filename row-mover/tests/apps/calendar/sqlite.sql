CREATE TABLE event (id TEXT PRIMARY KEY, title TEXT NOT NULL, attendees TEXT NOT NULL, reminders TEXT, network TEXT, fee TEXT, owner TEXT NOT NULL, lasts TEXT, blob TEXT, stamp TEXT, micros INTEGER, flags TEXT, span TEXT, day TEXT);
INSERT INTO event VALUES
    ('000102030405060708090a0b0c0d0e0f', 'Tea', '["ada", "bob"]', '[5, 10]', '192.0.2.0/24', '12.50', 'Ada', 'PT1H30M', 'cafe', '20260102030405', 1767225600123456, '[true, false]', '[1,5)', '2026-01-02 00:00:00'),
    ('ffeeddccbbaa99887766554433221100', 'Run', '[]', NULL, '2001:db8::/32', '0.99', 'BOB', 'P1D', '', '20260102030406', 1767225600000001, '[]', 'empty', '2026-01-03 00:00:00');
