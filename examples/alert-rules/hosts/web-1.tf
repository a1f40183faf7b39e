resource "host" "web_1" {}
