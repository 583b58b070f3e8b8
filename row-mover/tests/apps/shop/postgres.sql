CREATE TABLE "_prisma_migrations" (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz,
    started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0);
INSERT INTO "_prisma_migrations" VALUES ('9d2e', 'def', now(), '20260101_init', NULL, NULL, now(), 1);
CREATE TYPE "OrderStatus" AS ENUM ('OPEN', 'PAID', 'SENT');
CREATE TABLE "Customer" ("id" TEXT PRIMARY KEY, "email" TEXT NOT NULL, "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "updatedAt" TIMESTAMP(3) NOT NULL);
CREATE UNIQUE INDEX "Customer_email_key" ON "Customer" ("email");
CREATE TABLE "Order" ("id" SERIAL PRIMARY KEY, "customerId" TEXT NOT NULL, "status" "OrderStatus" NOT NULL DEFAULT 'OPEN', "total" DECIMAL(65, 30) NOT NULL, "lines" JSONB NOT NULL, "photo" BYTEA, "placedAt" TIMESTAMP(3) NOT NULL,
    CONSTRAINT "Order_customerId_fkey" FOREIGN KEY ("customerId") REFERENCES "Customer" ("id") ON DELETE RESTRICT ON UPDATE CASCADE);
CREATE TABLE "_CustomerToTag" ("A" TEXT NOT NULL, "B" TEXT NOT NULL);
CREATE UNIQUE INDEX "_CustomerToTag_AB_unique" ON "_CustomerToTag" ("A", "B");
CREATE INDEX "_CustomerToTag_B_index" ON "_CustomerToTag" ("B");
