# The roles that every installation has.
class SeedRoles < ActiveRecord::Migration[6.1]
  class Role < ActiveRecord::Base
  end

  def up
    %w[admin editor reader].each { |name| Role.create!(name: name, admin: name == "admin") }
  end

  def down
    Role.delete_all
  end
end
