package importer_test

import (
	"fmt"
	"time"

	"github.com/hinoban/hinoban/internal/oncall/importer"
)

func Example() {
	export := `{"schedules": [{"id": "S", "name": "Shop", "time_zone": "Asia/Tokyo", "schedule_layers": [{
	  "name": "Weekly", "start": "2026-01-05T09:00:00+09:00", "rotation_virtual_start": "2026-01-05T09:00:00+09:00",
	  "rotation_turn_length_seconds": 604800, "users": [{"user": {"id": "aoi"}}, {"user": {"id": "ren"}}]}]}]}`
	now := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
	r, err := importer.Read("pagerduty", []importer.File{{Name: "shop.json", Data: []byte(export)}}, importer.Options{Now: now})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(importer.Render(r)["rotas.yaml"])
	fmt.Println(len(importer.Diff(r, now, 90)), "differences in 90 days")
	// Output:
	// apiVersion: hinoban/v1
	// kind: Rota
	// metadata:
	//   name: "shop"
	//   displayName: "Shop"
	// spec:
	//   timeZone: "Asia/Tokyo"
	//   rotations:
	//   - name: "Weekly"
	//     start: "2026-01-05 09:00"
	//     every: "1w"
	//     members: ["aoi", "ren"]
	// 0 differences in 90 days
}
