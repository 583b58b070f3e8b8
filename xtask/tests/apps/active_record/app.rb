# A shop as Rails apps have it. Its database is the one of DATABASE_URL.
#
#   ruby app.rb db:migrate    runs the migrations
#   ruby app.rb fill          creates some hundred rows
#   ruby app.rb read          prints each row of each model as the app sees it
#   ruby app.rb create        creates a row of each model and prints the new keys
require "active_record"
require "bigdecimal/util"
require "json"

ActiveRecord::Base.establish_connection(ENV.fetch("DATABASE_URL"))
ActiveRecord::Migration.verbose = false
# Whether this is the new database.
POSTGRES = ActiveRecord::Base.connection.adapter_name == "PostgreSQL"

class Role < ActiveRecord::Base
  has_and_belongs_to_many :people
end

class Team < ActiveRecord::Base
  has_many :people
end

class Person < ActiveRecord::Base
  belongs_to :team, optional: true, counter_cache: true
  belongs_to :manager, class_name: "Person", optional: true
  has_many :orders
  has_and_belongs_to_many :roles
  enum status: { invited: 0, member: 1, banned: 2 }
  serialize :preferences, Hash
end

class Employee < Person; end
class Customer < Person; end

class Product < ActiveRecord::Base
  has_many :comments, as: :subject
  serialize :tags, JSON unless POSTGRES
  serialize :sizes, JSON unless POSTGRES
  attribute :added_from, :string
  before_create { self.id ||= SecureRandom.uuid }
end

class Order < ActiveRecord::Base
  belongs_to :person
  has_many :items
end

class Item < ActiveRecord::Base
  belongs_to :order, counter_cache: true
  belongs_to :product
end

class Comment < ActiveRecord::Base
  belongs_to :subject, polymorphic: true
  belongs_to :parent, class_name: "Comment", optional: true
end

class Setting < ActiveRecord::Base; end

# The table between people and roles, which has no key and no model.
class Membership < ActiveRecord::Base
  self.table_name = "people_roles"
end

# What the migrator writes.
class Environment < ActiveRecord::Base
  self.table_name = "ar_internal_metadata"
end

MODELS = [Role, Team, Person, Product, Order, Item, Comment, Setting, Membership].freeze
TEXTS = ["", " ", "plain", "Grüße aus Köln", "日本語 🐚", "two\nlines\r\n", "tab\tand \\ back\\slash", "it's \"quoted\"", "007", "1e5",
         "NULL", "\\N", "x" * 5000, "é", "e\u0301", "trailing  "].freeze
INSTANTS = ["2021-01-01 00:00:00.000001", "1969-12-31 23:59:59.999999", "2038-01-19 03:14:08", "2024-02-29 12:00:00.5",
            "1901-12-13 20:45:52", "9999-12-31 23:59:59.999999", "2021-03-28 02:30:00.123456", "0099-01-01 00:00:00"].freeze
DOCUMENTS = [nil, {}, [], { "a" => nil, "b" => [1, 2.5, true], "ü" => "🐚" }, [1, [2, [3]]], "text", "", "12", 42, -0.5, 1.5e-7, true, false,
             { "big" => 9_007_199_254_740_993, "nested" => { "deep" => [{}] } }, { "quote" => "\"\\/\n\t" }].freeze

def fill
  random = Random.new(1)
  teams = Array.new(7) { |n| Team.create!(name: TEXTS[n]) }
  roles = Role.order(:id).to_a
  people = Array.new(200) do |n|
    time = Time.utc(2000, 1, 1, n % 24, n % 60, (n * 7) % 60, [0, 1, 999_999, 500_000][n % 4])
    [Employee, Customer, Person][n % 3].create!(
      email: "p#{n}@example.com", name: TEXTS[n % TEXTS.size], bio: n % 5 == 0 ? nil : TEXTS[(n * 3) % TEXTS.size],
      team: n % 4 == 0 ? nil : teams[n % teams.size], status: n % 3, active: n % 6 != 0, newsletter: [true, false, nil][n % 3],
      born_on: [nil, "1900-02-28", "2000-02-29", "9999-12-31", "1582-10-04", "0099-12-31"][n % 6], wakes_at: n % 7 == 0 ? nil : time,
      last_seen_at: n % 9 == 0 ? nil : INSTANTS[n % INSTANTS.size], preferences: n % 2 == 0 ? {} : { theme: "dark", "n" => n, at: [1.5, nil] },
      roles: roles.sample(n % 4, random: random)
    )
  end
  people.each_with_index { |person, n| person.update!(manager: people[(n * 7) % 200]) if n % 3 != 1 && n != (n * 7) % 200 }
  # What older versions of Rails have written.
  Person.connection.execute("UPDATE people SET active = 't', newsletter = 'f' WHERE id % 10 = 1") unless POSTGRES
  Person.connection.execute("UPDATE people SET active = 'f', newsletter = 't' WHERE id % 10 = 2") unless POSTGRES
  products = Array.new(150) do |n|
    Product.create!(
      id: format("%08x-0000-4000-8000-%012x", n * 9973, n), sku: "#{%w[A b Ç][n % 3]}-#{n}", condition: %w[new used broken][n % 3],
      price: [0, "0.01", "0.10", "99999999.99", "12.3", "19.99"][n % 6].to_d,
      weight: [nil, "0.000001", "1234567890.123456", "-1.5", "3", "0.333333"][n % 6]&.to_d,
      stock: [nil, 0, 999_999_999_999, -1][n % 4], rating: [nil, 0.1, 1e-300, 1.7976931348623157e308, -0.0, 3.0, 1.0 / 3, Float::INFINITY][n % 8],
      rank: [nil, 32_767, -32_768, 0][n % 4], views: [0, 9_223_372_036_854_775_807, -9_223_372_036_854_775_808, 2**53 + 1][n % 4],
      thumbnail: [nil, "", "\x00\xFF\x00".b, Random.new(n).bytes(3000), "text".b][n % 5], details: DOCUMENTS[n % DOCUMENTS.size],
      raw: DOCUMENTS[(n * 4) % DOCUMENTS.size], tags: [[], ["one"], ["a b", "c,d", "e\"f", "g\\h", "{}", "", "NULL"], TEXTS][n % 4],
      sizes: [nil, [], [1, 2, 3], [-2_147_483_648, 2_147_483_647]][n % 4], added_from: [nil, "192.0.2.1", "2001:db8::1"][n % 3],
      released_at: n % 5 == 0 ? nil : Time.utc(2020, 1, 1, 0, 0, n % 60, Rational(n * 1000, 1) % 1_000_000)
    )
  end
  people.first(100).each_with_index do |person, n|
    order = person.orders.create!(number: format("%06d", n), placed_at: INSTANTS[n % INSTANTS.size])
    (n % 4).times { |k| order.items.create!(product: products[(n * 3 + k) % 150], quantity: k + 1, price: products[n].price) }
  end
  comments = Array.new(120) do |n|
    subject = n.even? ? products[n] : people[n]
    Comment.create!(subject_type: subject.class.polymorphic_name, subject_id: subject.id.to_s, body: TEXTS[n % TEXTS.size])
  end
  comments.each_with_index { |comment, n| comment.update!(parent: comments[n / 2]) if n > 1 }
  TEXTS.each_with_index { |text, n| Setting.create!(key: "key #{n}", value: text) }
  # The rows with the highest numbers are gone: no number is given twice.
  Comment.last(3).each(&:destroy!)
  Order.last.destroy!
end

# A value with its class, such that equal output means equal in the app.
def shown(value)
  case value
  when String then value.encoding == Encoding::BINARY && value != "" ? "bytes #{value.unpack1('H*')}" : value.inspect
  when Float then "Float #{value.inspect}"
  when BigDecimal then "decimal #{value.to_s('F')}"
  when ActiveSupport::TimeWithZone, Time then "time #{value.utc.iso8601(9)}"
  when Date then "date #{value.iso8601}"
  when Hash then "{#{value.map { |key, inner| "#{key.inspect}=>#{shown(inner)}" }.sort.join(', ')}}"
  when Array then "[#{value.map { |inner| shown(inner) }.join(', ')}]"
  when nil, true, false, Integer then value.inspect
  else "#{value.class} #{value}"
  end
end

def read
  (MODELS + [Environment]).each do |model|
    rows = model.all.map do |row|
      names = row.attribute_names.sort
      names -= %w[created_at updated_at] if model == Environment
      "#{row.class.name} #{names.map { |name| "#{name}=#{shown(row[name])}" }.join(' ')}"
    end
    puts rows.sort
  end
  puts "team sizes #{Team.order(:id).map { |team| [team.people_count, team.people.count] }}"
  puts "cheap #{Product.where('price < ?', 13).count} used #{Product.where(condition: 'used').count}"
end

def create
  team = Team.create!(name: "new")
  person = Employee.create!(email: "new@example.com", team: team, roles: [Role.create!(name: "new")])
  product = Product.create!(sku: "NEW", tags: ["x"], sizes: [1], details: { "a" => 1 }, thumbnail: "\x00".b)
  order = person.orders.create!(number: "new", placed_at: Time.now)
  item = order.items.create!(product: product)
  comment = Comment.create!(subject_type: "Product", subject_id: product.id, body: "new")
  setting = Setting.create!(key: "new", value: "1")
  [team, person, product, order, item, comment, setting].each do |row|
    raise "#{row.class} is another one" unless row.class.find(row.id).attributes.except("created_at", "updated_at", "placed_at") == row.reload.attributes.except("created_at", "updated_at", "placed_at")
  end
  raise "the counters are not kept" unless team.reload.people_count == 1 && order.reload.items_count == 1

  puts [team, person, order, item, comment].map(&:id).join(" ")
end

case ARGV.first
when "db:migrate" then ActiveRecord::MigrationContext.new(File.join(__dir__, "migrations"), ActiveRecord::SchemaMigration).migrate
when "fill" then fill
when "read" then read
when "create" then create
else abort "usage: app.rb db:migrate|fill|read|create"
end
