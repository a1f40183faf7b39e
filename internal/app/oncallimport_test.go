package app

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// An export becomes documents that are right, and who is on call stays the same.
func TestImportFromPagerDuty(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "out")
	file := []string{"../oncall/importer/testdata/pagerduty.json"}
	now := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
	got, err := ImportOnCall("pagerduty", file, dir, now, 90)
	if err != nil || len(got.Files) != 5 || len(got.Differences) > 0 || len(got.Problems) > 0 || len(got.Notes) == 0 {
		t.Errorf("got %+v (%v)", got, err)
	}
	if _, err := ImportOnCall("pagerduty", file, dir, now, 90); errs.KindOf(err) != errs.Conflict {
		t.Errorf("a second time: %v, want Conflict: nothing is overwritten", err)
	}
	if _, err := ImportOnCall("abacus", file, t.TempDir(), now, 90); errs.KindOf(err) != errs.Invalid {
		t.Errorf("an unknown product: %v, want Invalid", err)
	}
}
