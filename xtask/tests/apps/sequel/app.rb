# A library on Sequel. Its database is the one of DATABASE_URL.
#
#   sequel -m migrations URL    makes the tables
#   ruby app.rb fill            creates some hundred rows
#   ruby app.rb read            prints each row of each table as the app sees it
#   ruby app.rb create          creates a row of each model and prints the new keys
require "sequel"
require "bigdecimal/util"
require "json"

Sequel.default_timezone = :utc
DB = Sequel.connect(ENV.fetch("DATABASE_URL"))
POSTGRES = DB.database_type == :postgres
DB.extension :pg_array, :pg_json, :pg_interval if POSTGRES

class Author < Sequel::Model
  one_to_many :media
  many_to_one :mentor, class: self
end

# A book, film or record. What has a type of its own in PostgreSQL is text in SQLite.
class Medium < Sequel::Model(:media)
  many_to_one :author
  many_to_many :readers, join_table: :media_readers
  unless POSTGRES
    plugin :serialization
    serialize_attributes :json, :details, :labels
  end

  # SQLite computes it with floats.
  def worth
    self[:worth]&.round(2)
  end

  def self.in_form(values)
    return values unless POSTGRES

    values.merge(details: values[:details].nil? ? nil : Sequel.pg_jsonb_wrap(values[:details]),
                 labels: values[:labels] && Sequel.pg_array(values[:labels], :text),
                 length: values[:length] && Sequel.lit("make_interval(secs => ?)", values[:length]))
  end
end

class Shelf < Sequel::Model
  unrestrict_primary_key
end

class Reader < Sequel::Model
  plugin :single_table_inheritance, :type
  plugin :serialization, :json, :settings
  many_to_many :media, class: :Medium, join_table: :media_readers
  many_to_one :card, class: self
end

class Child < Reader; end
class Adult < Reader; end

class Genre < Sequel::Model
  unrestrict_primary_key
end

TEXTS = ["", " ", "plain", "Grüße", "日本語 🐚", "two\nlines\r\n", "tab\tand \\ back\\slash", "it's \"quoted\"", "007", "1e5", "NULL", "\\N",
         "x" * 5000, "é", "e\u0301", "trailing  "].freeze
DOCUMENTS = [nil, {}, [], { "a" => nil, "b" => [1, 2.5, true], "ü" => "🐚" }, [1, [2, [3]]], { "big" => 9_007_199_254_740_993 },
             { "quote" => "\"\\/\n\t" }].freeze
TIMES = [Time.utc(2021, 1, 1, 0, 0, 0, 1), Time.utc(1969, 12, 31, 23, 59, 59, 999_999), Time.utc(2038, 1, 19, 3, 14, 8),
         Time.utc(9999, 12, 31, 23, 59, 59, 999_999), Time.utc(2024, 2, 29, 12, 0, 0, 500_000), Time.utc(1582, 10, 15)].freeze

def fill
  authors = Array.new(60) do |n|
    Author.create(name: "#{TEXTS[n % TEXTS.size]} #{n}", country: [nil, "DE", "FR"][n % 3],
                  born: [nil, Date.new(1900, 2, 28), Date.new(2000, 2, 29), Date.new(9999, 12, 31), Date.new(1600, 1, 1)][n % 5])
  end
  authors.each_with_index { |author, n| author.update(mentor: authors[(n * 7) % 60]) if n % 3 == 1 }
  media = Array.new(220) do |n|
    # As older versions have written times: with an offset.
    DB.use_timestamp_timezones = n % 10 == 3 unless POSTGRES
    Medium.create(
      kind: %w[book film record][n % 3], title: TEXTS[n % TEXTS.size], author: authors[n % 60],
      isbn: n % 4 == 0 ? nil : format("%08x-0000-4000-8000-%012x", n * 9973, n), price: ["0", "0.01", "0.10", "9999999999.99", "12.3", "19.99"][n % 6].to_d,
      weight: [nil, "0.000001", "123456.654321", "-1.5", "3", "0.333333"][n % 6]&.to_d, rating: [nil, 0.1, 1e-300, 1.7976931348623157e308, 3.0, 1.0 / 3][n % 6],
      copies: n % 5, loans: [nil, 9_223_372_036_854_775_807, -9_223_372_036_854_775_808, 2**53 + 1][n % 4], lendable: n.even?, fragile: [true, false, nil][n % 3],
      cover: [nil, "", "\x00\xFF\x00".b, Random.new(n).bytes(3000), "text"][n % 5]&.then { |bytes| Sequel.blob(bytes) }, details: DOCUMENTS[n % DOCUMENTS.size],
      labels: [nil, [], ["one"], ["a b", "c,d", "e\"f", "g\\h", "{}", "", "NULL"], TEXTS][n % 5], added_at: TIMES[n % TIMES.size],
      changed_at: n % 3 == 0 ? nil : TIMES[(n + 1) % TIMES.size], reading_time: n % 7 == 0 ? nil : Sequel::SQLTime.create(n % 24, n % 60, n % 60, [0, 1, 999_999, 500_000][n % 4]),
      length: [nil, 0, 90, 86_399, 200_000][n % 5], genre: [nil, "crime", "sf"][n % 3]
    )
  end
  DB.use_timestamp_timezones = false unless POSTGRES
  # As Sequel wrote truth values before version 5.
  DB.run("UPDATE media SET lendable = 't', fragile = 'f' WHERE id % 10 = 1")
  DB.run("UPDATE media SET lendable = 'f', fragile = 't' WHERE id % 10 = 2")
  shelves = Array.new(20) { |n| Shelf.create(room: "Room #{n % 4}", number: n / 4, theme: TEXTS[n % TEXTS.size]) }
  media.each_with_index { |medium, n| DB[:places].insert(medium_id: medium.id, room: shelves[n % 20].room, number: shelves[n % 20].number) if n % 2 == 0 }
  readers = Array.new(100) { |n| [Child, Adult, Reader][n % 3].create(email: "R#{n}@example.com", settings: n % 4 == 0 ? nil : { "n" => n, "text" => TEXTS[n % TEXTS.size] }) }
  readers.each_with_index do |reader, n|
    reader.update(card: readers[n - 1]) if n % 5 == 4
    (n % 4).times { |k| reader.add_medium(media[(n * 3 + k) % 220]) }
  end
  Genre.create(code: "poems", name: "Poems", rank: 3)
end

# A value as SQLite has it: what PostgreSQL's own types are for the app.
def plain(value)
  return value unless POSTGRES

  case value
  when ActiveSupport::Duration then value.to_i
  when Sequel::Postgres::JSONBHash then value.to_hash
  when Sequel::Postgres::JSONBArray, Sequel::Postgres::PGArray then value.to_a
  else value
  end
end

# A value with its class, such that equal output means equal in the app.
def shown(value)
  case value = plain(value)
  when Sequel::SQLTime then "clock #{value.strftime('%T.%6N')}"
  when Time then "time #{value.getutc.strftime('%F %T.%9N')}"
  when Date then "date #{value.iso8601}"
  when String then value.is_a?(Sequel::SQL::Blob) ? "bytes #{value.unpack1('H*')}" : value.inspect
  when Float then "Float #{value.inspect}"
  when BigDecimal then "decimal #{value.to_s('F')}"
  when Hash then "{#{value.map { |key, inner| "#{key.inspect}=>#{shown(inner)}" }.sort.join(', ')}}"
  when Array then "[#{value.map { |inner| shown(inner) }.join(', ')}]"
  when nil, true, false, Integer then value.inspect
  else "#{value.class} #{value}"
  end
end

def read
  [Author, Medium, Shelf, Reader, Genre].each do |model|
    names = DB[model.table_name].columns.sort
    puts model.all.map { |row| "#{row.class} #{names.map { |name| "#{name}=#{shown(row.public_send(name))}" }.join(' ')}" }.sort
  end
  %i[places media_readers books].each { |table| puts DB[table].map { |row| "#{table} #{row.map { |name, value| "#{name}=#{shown(value)}" }.join(' ')}" }.sort }
  puts "version #{DB[:schema_info].get(:version)}"
end

def create
  author = Author.create(name: "new")
  values = { title: "new", author: author, details: { "a" => 1 }, labels: ["x"], added_at: Time.now, length: 60, price: 2, copies: 3, genre: "poems" }
  medium = Medium.create(Medium.in_form(values)).refresh
  raise "the worth is #{medium.worth}" unless medium.worth == 6
  reader = Child.create(email: "new@example.com", settings: { "a" => 1 })
  reader.add_medium(medium)
  Shelf.create(room: "new", number: 1)
  DB[:places].insert(medium_id: medium.id, room: "new", number: 1)
  Genre.create(code: "new", name: "New")
  raise "another reader" unless Child.first(email: "new@example.com").media == [medium]

  puts [author, medium, reader].map(&:id).join(" ")
end

case ARGV.first
when "fill" then fill
when "read" then read
when "create" then create
else abort "usage: app.rb fill|read|create"
end
