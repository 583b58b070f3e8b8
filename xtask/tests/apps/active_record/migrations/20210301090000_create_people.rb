# People of several kinds in one table, who belong to teams and report to each other.
class CreatePeople < ActiveRecord::Migration[6.1]
  def change
    create_table :roles do |t|
      t.string :name, null: false, limit: 40
      t.boolean :admin, null: false, default: false
      t.timestamps
      t.index :name, unique: true
    end

    create_table :teams do |t|
      t.string :name, null: false
      t.integer :people_count, null: false, default: 0
      t.timestamps
    end

    create_table :people do |t|
      t.string :type, null: false, default: "Person"
      t.string :email, null: false
      t.string :name
      t.text :bio
      t.references :team, foreign_key: { on_delete: :nullify }
      t.references :manager, foreign_key: { to_table: :people }
      t.integer :status, null: false, default: 0
      t.boolean :active, null: false, default: true
      t.boolean :newsletter
      t.date :born_on
      t.time :wakes_at
      t.datetime :last_seen_at
      t.integer :lock_version, null: false, default: 0
      t.text :preferences
      t.timestamps
      t.index :email, unique: true
      t.index :name, where: "active"
      t.index %i[type status]
      t.check_constraint "status >= 0", name: "people_status_check"
    end

    create_join_table :people, :roles do |t|
      t.index %i[person_id role_id], unique: true
    end
    add_foreign_key :people_roles, :people, on_delete: :cascade
    add_foreign_key :people_roles, :roles
  end
end
