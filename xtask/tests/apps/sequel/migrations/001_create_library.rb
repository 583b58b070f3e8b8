# The tables of a library, with Sequel's generic types where both databases have them.
Sequel.migration do
  up do
    postgres = database_type == :postgres
    if postgres
      extension :pg_enum
      create_enum(:media_kind, %w[book film record])
    end

    create_table :authors do
      primary_key :id
      String :name, null: false, unique: true
      String :country, size: 2, fixed: true
      Date :born
      foreign_key :mentor_id, :authors, on_delete: :set_null
      index :born, where: Sequel.negate(born: nil)
    end

    create_table :media do
      primary_key :id, type: :Bignum
      column :kind, postgres ? :media_kind : String, null: false, default: "book"
      String :title, text: true, null: false
      foreign_key :author_id, :authors, null: false, on_delete: :cascade
      column :isbn, postgres ? :uuid : String
      BigDecimal :price, size: [12, 2], null: false, default: 0
      BigDecimal :weight
      Float :rating
      Integer :copies, null: false, default: 1
      Bignum :loans
      TrueClass :lendable, null: false, default: true
      FalseClass :fragile
      File :cover
      column :details, postgres ? :jsonb : :json
      column :labels, postgres ? "text[]" : :text
      DateTime :added_at, null: false
      column :changed_at, postgres ? :timestamptz : :timestamp
      Time :reading_time, only_time: true
      if postgres
        column :length, :interval
      else
        Integer :length
      end
      BigDecimal :worth, size: [14, 2], generated_always_as: Sequel.lit("price * copies"), generated_type: :stored
      index %i[kind title]
      index :isbn, unique: true
      constraint(:price_is_positive) { price >= 0 }
      constraint(:copies_are_few, copies: 0..1000)
    end

    create_table :shelves do
      String :room, size: 20
      Integer :number
      String :theme
      primary_key %i[room number]
    end

    create_table :places do
      foreign_key :medium_id, :media, type: :Bignum, null: false, on_delete: :cascade
      String :room, size: 20, null: false
      Integer :number, null: false
      foreign_key %i[room number], :shelves, on_update: :cascade
      unique %i[medium_id room number]
    end

    create_table :readers do
      primary_key :id
      String :type, null: false
      String :email, null: false
      String :settings, text: true
      foreign_key :card_id, :readers
      index Sequel.function(:lower, :email), unique: true, name: :readers_by_email
    end

    create_join_table(medium_id: { table: :media, type: :Bignum, on_delete: :cascade }, reader_id: :readers)
  end

  down do
    drop_table :media_readers, :readers, :places, :shelves, :media, :authors
    drop_enum(:media_kind) if database_type == :postgres
  end
end
