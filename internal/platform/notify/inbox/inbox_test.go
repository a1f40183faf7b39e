package inbox_test

import (
	"testing"

	"github.com/hinoban/hinoban/internal/platform/notify/inbox"
	"github.com/hinoban/hinoban/internal/platform/notify/notifytest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	notifytest.Run(t, func(*testing.T) notifytest.Harness {
		box := &notifytest.Box{}
		return notifytest.Harness{
			Channel: inbox.New(box), Server: box, Address: "aoi", Bad: []string{"Aoi", "a b", "-a"},
			Faults:  []notifytest.Fault{notifytest.Refuse, notifytest.Forbid, notifytest.Busy, notifytest.Hang},
			MaxText: inbox.MaxBody,
		}
	})
}
