#include "store/sqlite/schema.hpp"

#include <array>

#include "store/sqlite/seal.hpp"

namespace bayplan::store {
namespace {

// Addresses are 4 or 16 bytes in network order, times milliseconds since 1970 UTC. Foreign keys are deferred, so that
// the order of changes within a commit is free. The family is in a reservation's key for identities with an address of
// each family.
constexpr std::string_view kVersion1 = R"sql(
CREATE TABLE networks (
  name          TEXT    NOT NULL PRIMARY KEY,
  vlan          INTEGER UNIQUE CHECK (vlan BETWEEN 1 AND 4094),
  subnet        BLOB    NOT NULL CHECK (length(subnet) IN (4, 16)),
  prefix_length INTEGER NOT NULL CHECK (prefix_length BETWEEN 0 AND 8 * length(subnet)),
  gateway       BLOB    NOT NULL CHECK (length(gateway) IN (4, 16)),
  ranges        TEXT    NOT NULL,
  exclusions    TEXT    NOT NULL,
  datapath      TEXT    NOT NULL,
  uplink        TEXT    NOT NULL,
  mtu           INTEGER,
  nat           INTEGER NOT NULL,
  mac_salt      INTEGER NOT NULL,
  created       INTEGER NOT NULL,
  seal          INTEGER NOT NULL,
  UNIQUE (subnet, prefix_length)
) STRICT;

CREATE TABLE reservations (
  network        TEXT    NOT NULL REFERENCES networks (name) DEFERRABLE INITIALLY DEFERRED,
  identity       TEXT    NOT NULL,
  family         INTEGER NOT NULL CHECK (family = CASE length(address) WHEN 4 THEN 4 ELSE 6 END),
  address        BLOB    NOT NULL CHECK (length(address) IN (4, 16)),
  mac            BLOB    NOT NULL CHECK (length(mac) = 6),
  state          TEXT    NOT NULL,
  host           TEXT    NOT NULL,
  container_id   TEXT    NOT NULL,
  container_name TEXT    NOT NULL,
  created        INTEGER NOT NULL,
  last_seen      INTEGER NOT NULL,
  seal           INTEGER NOT NULL,
  PRIMARY KEY (network, identity, family),
  UNIQUE (network, address)
) STRICT;

CREATE TABLE attachments (
  network        TEXT    NOT NULL REFERENCES networks (name) DEFERRABLE INITIALLY DEFERRED,
  address        BLOB    NOT NULL CHECK (length(address) IN (4, 16)),
  stage          TEXT    NOT NULL,
  asked          INTEGER NOT NULL,
  engine_network TEXT    NOT NULL,
  endpoint       TEXT    NOT NULL,
  sandbox        TEXT    NOT NULL,
  identity       TEXT    NOT NULL,
  container_id   TEXT    NOT NULL,
  verified       INTEGER NOT NULL,
  published      TEXT    NOT NULL,
  since          INTEGER NOT NULL,
  seal           INTEGER NOT NULL,
  PRIMARY KEY (network, address)
) STRICT;
CREATE UNIQUE INDEX attachments_endpoint ON attachments (endpoint) WHERE endpoint <> '';

CREATE TABLE engine_networks (
  id      TEXT    NOT NULL PRIMARY KEY,
  network TEXT    NOT NULL REFERENCES networks (name) DEFERRABLE INITIALLY DEFERRED,
  seal    INTEGER NOT NULL
) STRICT;
CREATE INDEX engine_networks_network ON engine_networks (network);

CREATE TABLE claims (
  container_id   TEXT    NOT NULL,
  engine_network TEXT    NOT NULL,
  address        BLOB    NOT NULL CHECK (length(address) IN (4, 16)),
  identity       TEXT    NOT NULL,
  pinned_by_us   INTEGER NOT NULL,
  seal           INTEGER NOT NULL,
  PRIMARY KEY (container_id, engine_network)
) STRICT;

CREATE TABLE owed_starts (
  token   TEXT    NOT NULL PRIMARY KEY,
  network TEXT    NOT NULL,
  since   INTEGER NOT NULL,
  seal    INTEGER NOT NULL
) STRICT;

CREATE TABLE repins (
  container_id   TEXT    NOT NULL,
  engine_network TEXT    NOT NULL,
  settings       TEXT    NOT NULL,
  address        BLOB    CHECK (length(address) IN (4, 16)),
  seal           INTEGER NOT NULL,
  PRIMARY KEY (container_id, engine_network)
) STRICT;
)sql";

// Marks for attachment, and networks whose drift is only reported.
constexpr std::string_view kVersion2 = R"sql(
ALTER TABLE networks ADD COLUMN repair INTEGER NOT NULL DEFAULT 1;

CREATE TABLE attach_marks (
  network       TEXT    NOT NULL REFERENCES networks (name) DEFERRABLE INITIALLY DEFERRED,
  identity      TEXT    NOT NULL,
  target        TEXT    NOT NULL,
  interface     TEXT    NOT NULL,
  default_route INTEGER NOT NULL,
  endpoint      TEXT    NOT NULL UNIQUE,
  seal          INTEGER NOT NULL,
  PRIMARY KEY (network, identity)
) STRICT;
)sql";

// Moves from one of the engine's networks to another.
constexpr std::string_view kVersion3 = R"sql(
ALTER TABLE repins ADD COLUMN from_network TEXT NOT NULL DEFAULT '';
ALTER TABLE repins ADD COLUMN from_settings TEXT NOT NULL DEFAULT '';
ALTER TABLE repins ADD COLUMN from_address BLOB CHECK (length(from_address) IN (4, 16));
)sql";

// The host's own address in a network on the wire (macvlan).
constexpr std::string_view kVersion4 = R"sql(
ALTER TABLE networks ADD COLUMN host_address BLOB CHECK (length(host_address) IN (4, 16));
)sql";

constexpr std::array<std::string_view, 4> kMigrations{kVersion1, kVersion2, kVersion3, kVersion4};

Result<> apply(Database& database, std::string_view script, std::size_t version) {
  TRY(database.begin());
  // What was damaged before must not be given a valid seal.
  if (version > 1) TRY(verify_seals(database));
  TRY(database.execute(std::string(script)));
  TRY(renew_seals(database));
  TRY(check_references(database));
  TRY(database.execute(fmt::format("PRAGMA application_id = {}", kApplicationId)));
  TRY(database.execute(fmt::format("PRAGMA user_version = {}", version)));
  return database.commit();
}

}  // namespace

Migrations migrations() {
  return kMigrations;
}

Result<> migrate(Database& database, Migrations migrations) {
  const auto from = static_cast<std::size_t>(TRY(database.integer("PRAGMA user_version")));
  for (std::size_t version = from + 1; version <= migrations.size(); ++version) {
    auto done = apply(database, migrations[version - 1], version);
    if (done.ok()) continue;
    database.roll_back();
    return std::move(done).in(fmt::format("migrate the plan to schema version {}", version));
  }
  return {};
}

Result<std::string> expected_schema(Migrations migrations, std::int64_t version) {
  auto database = TRY(Database::open("", Database::Mode::memory, {}));
  TRY(migrate(database, migrations.first(static_cast<std::size_t>(version))));
  return schema_text(database);
}

Result<std::string> schema_text(Database& database) {
  // SQLite's own objects (indexes of constraints, statistics of ANALYZE) follow from the others or don't matter.
  auto query = TRY(
      database.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite^_%' ESCAPE '^' "
                       "ORDER BY type, name"));
  std::string text;
  while (TRY(query.step())) {
    for (int column = 0; column < query.columns(); ++column) {
      text += query.bytes(column);
      text += '\n';
    }
  }
  return text;
}

Result<> check_references(Database& database) {
  auto query = TRY(database.prepare("PRAGMA foreign_key_check"));
  if (!TRY(query.step())) return {};
  return fail(ErrorCode::corrupt, "table {} refers to a row that table {} does not have", query.bytes(0),
              query.bytes(2));
}

}  // namespace bayplan::store
