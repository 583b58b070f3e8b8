# Products with the columns for which the two databases have different types, and orders for them.
class CreateCatalog < ActiveRecord::Migration[6.1]
  def change
    postgres = connection.adapter_name == "PostgreSQL"
    reversible { |way| way.up { execute "CREATE TYPE product_condition AS ENUM ('new', 'used', 'broken')" } } if postgres

    create_table :products, id: :uuid do |t|
      t.string :sku, null: false, limit: 20
      t.column :condition, postgres ? :product_condition : :string, null: false, default: "new"
      t.decimal :price, precision: 10, scale: 2, null: false, default: 0
      t.decimal :weight, precision: 16, scale: 6
      t.decimal :stock, precision: 12
      t.float :rating
      t.integer :rank, limit: 2
      t.bigint :views, null: false, default: 0
      t.binary :thumbnail
      postgres ? t.jsonb(:details) : t.json(:details)
      t.json :raw
      postgres ? t.string(:tags, array: true, default: []) : t.text(:tags, default: "[]")
      postgres ? t.integer(:sizes, array: true) : t.text(:sizes)
      postgres ? t.inet(:added_from) : t.string(:added_from)
      t.datetime :released_at, precision: 3
      t.timestamps null: true
      t.index :sku, unique: true
      t.index "lower(sku)", name: "products_by_lower_sku"
      t.check_constraint "price >= 0", name: "products_price_check"
    end

    create_table :orders do |t|
      t.references :person, null: false, foreign_key: { on_delete: :cascade }, index: { order: { person_id: :desc } }
      t.string :number, null: false
      t.timestamp :placed_at, null: false
      t.integer :items_count, null: false, default: 0
      t.index :number, unique: true
    end

    create_table :items do |t|
      t.references :order, null: false, foreign_key: { on_delete: :cascade }
      t.references :product, type: :uuid, null: false, foreign_key: true
      t.integer :quantity, null: false, default: 1
      t.decimal :price, precision: 10, scale: 2
      t.index %i[order_id product_id], unique: true
    end

    create_table :comments do |t|
      t.references :subject, polymorphic: true, null: false, type: :string
      t.references :parent, foreign_key: { to_table: :comments, on_delete: :cascade }
      t.text :body, null: false
      t.timestamps
    end

    create_table :settings, primary_key: :key, id: :string do |t|
      t.text :value
    end
  end
end
