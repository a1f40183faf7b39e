package oncall_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/oncall"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

// A clock that is ahead for a moment holds nothing up when it is right again.
func TestAClockThatWasAheadHoldsNothingUp(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		var ahead time.Duration
		h.pager = oncall.New(oncall.Default(), oncall.Deps{
			Store: h.kept, Ledger: h.kept, Adjustments: h.kept, Key: make([]byte, 32), Alerts: h.inbox, Catalog: plain(), Channels: []notify.Channel{h.phone},
			Now: func() time.Time { return time.Now().Add(ahead) }, NewID: id.New,
		})
		h.replace(policy(oncall.Policy{Steps: []oncall.Step{step(5*time.Minute, "aoi"), step(5*time.Minute, "aoi"), step(5*time.Minute, "ren")}}))
		h.phone.broken = time.Now().Add(2 * time.Minute) // the second message is put off in the wrong time
		h.signal("availability", true, alert.Page)
		h.run(time.Minute)
		ahead = 24 * time.Hour
		h.run(10 * time.Second)
		ahead = 0
		h.run(20 * time.Minute)
		got := h.phone.take()
		if !strings.HasPrefix(got, "2m") || !strings.HasSuffix(got, "page ren1") || strings.Count(got, "ren1") != 1 {
			t.Errorf("rang %q, want aoi after two minutes, and ren in the end", got)
		}
	})
}

// Clocks of two servers never agree to the millisecond.
func TestAServerWhoseClockIsBehindTakesNoStepEarly(t *testing.T) {
	night(t, func(t *testing.T, h *house) {
		other := oncall.New(oncall.Default(), oncall.Deps{
			Store: h.kept, Ledger: h.kept, Adjustments: h.kept, Key: make([]byte, 32), Alerts: h.inbox, Catalog: plain(), Channels: []notify.Channel{h.phone},
			Now: func() time.Time { return time.Now().Add(-20 * time.Millisecond) }, NewID: id.New,
		})
		if err := other.Replace(t.Context(), h.pager.Plan()); err != nil {
			t.Fatal(err)
		}
		h.signal("availability", true, alert.Page)
		h.hear()
		h.sleep(5 * time.Millisecond) // woken by the commit
		if err := other.Escalate(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.run(time.Second)
		h.expect("the first step alone", "0s page aoi1")
	})
}

// A clock that was ahead keeps nobody who declined away for longer.
func TestADeclineByAClockThatWasAhead(t *testing.T) {
	night(t, func(_ *testing.T, h *house) {
		ahead := 6 * time.Hour
		h.pager = oncall.New(oncall.Default(), oncall.Deps{
			Store: h.kept, Ledger: h.kept, Adjustments: h.kept, Key: make([]byte, 32), Alerts: h.inbox, Catalog: plain(), Channels: []notify.Channel{h.phone},
			Now: func() time.Time { return time.Now().Add(ahead) }, NewID: id.New,
		})
		h.replace(policy(oncall.Policy{Steps: []oncall.Step{step(5*time.Minute, "aoi")}}))
		h.signal("availability", true, alert.Page)
		h.run(9 * time.Second)
		h.decline("aoi")
		ahead = 0
		h.phone.take()
		h.run(20 * time.Minute)
		h.expect("after ten minutes", "10m9s page aoi1")
	})
}
