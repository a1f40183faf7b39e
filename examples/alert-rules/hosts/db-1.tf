resource "host" "db_1" {}
