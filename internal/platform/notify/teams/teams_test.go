package teams_test

import (
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify/notifytest"
	"github.com/hinoban/hinoban/internal/platform/notify/teams"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, incoming := range map[string]bool{"workflow": false, "incoming": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			notifytest.Run(t, func(t *testing.T) notifytest.Harness {
				srv := notifytest.NewTeams(t, incoming)
				cfg := teams.Default()
				cfg.AllowPrivate = true
				return notifytest.Harness{
					Channel: teams.New(cfg, time.Now), Server: srv, Address: srv.Hook, Bad: []string{"general", "ftp://x/y", "https://u:p@x/"},
					Secrets: []string{"capabilitysig"}, MaxText: teams.MaxBody,
					Faults: []notifytest.Fault{
						notifytest.Refuse, notifytest.Forbid, notifytest.Busy, notifytest.Throttle, notifytest.Hang, notifytest.ResetAtAccept, notifytest.ResetAfterBody,
					},
				}
			})
		})
	}
}

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	if err := teams.Default().Validate(); err != nil {
		t.Errorf("Default: %v", err)
	}
	if err := (teams.Config{}).Validate(); errs.KindOf(err) != errs.Invalid {
		t.Errorf("zero: got %v, want an Invalid error", err)
	}
}
