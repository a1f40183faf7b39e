package catalog_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/catalog"
)

func TestUse(t *testing.T) {
	always, office, night := catalog.Device{ID: "always"}, catalog.Device{ID: "office", From: 9 * 60, To: 18 * 60}, catalog.Device{ID: "night", From: 22 * 60, To: 7 * 60}
	loud := catalog.Device{ID: "loud", Severities: []string{"critical", "page"}}
	loudNight := catalog.Device{ID: "loud night", From: 22 * 60, To: 7 * 60, Severities: []string{"Critical"}}
	for _, tt := range []struct {
		name     string
		zone     string
		devices  []catalog.Device
		severity string
		at       string
		want     string
	}{
		{"hours", "UTC", []catalog.Device{always, office, night}, "page", "09:00", "always office"},
		{"they end", "UTC", []catalog.Device{always, office, night}, "page", "18:00", "always"},
		{"hours past midnight", "UTC", []catalog.Device{always, office, night}, "page", "03:00", "always night"},
		{"by the person's clock", "Asia/Tokyo", []catalog.Device{always, office, night}, "page", "00:00", "always office"},
		{"a zone that is none is UTC", "Mars/Olympus", []catalog.Device{always, office}, "page", "09:00", "always office"},
		{"never none", "UTC", []catalog.Device{office, night}, "page", "20:00", "office night"},
		{"severities", "UTC", []catalog.Device{always, loud}, "warning", "09:00", "always"},
		{"in any case", "UTC", []catalog.Device{always, loud, loudNight}, "CRITICAL", "23:00", "always loud loud night"},
		{"none for it: all", "UTC", []catalog.Device{loud}, "warning", "09:00", "loud"},
		{"rather out of its hours than one that is not for it", "UTC", []catalog.Device{loud, night}, "warning", "12:00", "night"},
		{"nobody's", "UTC", nil, "page", "12:00", ""},
	} {
		at, err := time.Parse("15:04", tt.at)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range (catalog.Person{Zone: tt.zone, Devices: tt.devices}).Use(tt.severity, at.AddDate(2026, 0, 0)) {
			got = append(got, d.ID)
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, s, tt.want)
		}
	}
}
