# The genres that every library has, and a view.
Sequel.migration do
  up do
    create_table :genres do
      String :code, primary_key: true, size: 8
      String :name, null: false
      Integer :rank, null: false, default: 0
    end
    from(:genres).multi_insert([{ code: "crime", name: "Crime", rank: 1 }, { code: "sf", name: "Science Fiction", rank: 2 }])
    add_column :media, :genre, String, size: 8
    alter_table(:media) { add_foreign_key %i[genre], :genres, name: :media_genre } if database_type == :postgres
    create_view :books, from(:media).where(kind: "book").select(:id, :title)
  end

  down do
    drop_view :books
    drop_column :media, :genre
    drop_table :genres
  end
end
