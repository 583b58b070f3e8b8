CREATE TABLE "_prisma_migrations" ("id" TEXT PRIMARY KEY NOT NULL, "checksum" TEXT NOT NULL, "finished_at" DATETIME, "migration_name" TEXT NOT NULL, "logs" TEXT, "rolled_back_at" DATETIME,
    "started_at" DATETIME NOT NULL DEFAULT current_timestamp, "applied_steps_count" INTEGER UNSIGNED NOT NULL DEFAULT 0);
CREATE TABLE "OrderStatus" ("name" TEXT NOT NULL PRIMARY KEY);
CREATE TABLE "Customer" ("id" TEXT NOT NULL PRIMARY KEY, "email" TEXT NOT NULL, "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, "updatedAt" DATETIME NOT NULL);
CREATE UNIQUE INDEX "Customer_email_key" ON "Customer" ("email");
CREATE TABLE "Order" ("id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "customerId" TEXT NOT NULL, "status" TEXT NOT NULL DEFAULT 'OPEN', "total" DECIMAL NOT NULL, "lines" JSONB NOT NULL, "photo" BLOB,
    "placedAt" DATETIME NOT NULL, CONSTRAINT "Order_customerId_fkey" FOREIGN KEY ("customerId") REFERENCES "Customer" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT "Order_status_fkey" FOREIGN KEY ("status") REFERENCES "OrderStatus" ("name"));
CREATE TABLE "_CustomerToTag" ("A" TEXT NOT NULL, "B" TEXT NOT NULL);
CREATE UNIQUE INDEX "_CustomerToTag_AB_unique" ON "_CustomerToTag" ("A", "B");
INSERT INTO "_prisma_migrations" VALUES ('5c1f', 'abc', 1767225600000, '20260101_init', NULL, NULL, 1767225600000, 1);
INSERT INTO "OrderStatus" VALUES ('OPEN'), ('PAID'), ('SENT');
INSERT INTO "Customer" VALUES ('ckx1', 'ada@example.org', 1767225600123, 1767225600123), ('ckx2', 'bob@example.org', 1767312000000, 1767312000000);
INSERT INTO "Order" VALUES (1, 'ckx1', 'PAID', 19.99, '[{"sku": "a", "n": 2}]', x'ffd8ff', 1767225700000), (4, 'ckx2', 'OPEN', 5, '[]', NULL, 1767312000001);
INSERT INTO "_CustomerToTag" VALUES ('ckx1', 't1'), ('ckx2', 't1');
