package alertdb_test

import (
	"testing"
	"time"

	"github.com/hinoban/hinoban/internal/alert"
	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/alert/mutate"
	"github.com/hinoban/hinoban/internal/platform/bus"
)

func TestTheLastMutationTestIsKept(t *testing.T) {
	each(t, func(t *testing.T, _ *alert.Inbox, s *alertdb.Store, _ *bus.Log) {
		first := []mutate.Result{{Rule: "a", Injected: 3, Caught: 3, Gaps: []mutate.Gap{}}, {Rule: "b", Injected: 2}}
		if err := s.PutMutations(t.Context(), t0, first); err != nil {
			t.Fatal(err)
		}
		again := []mutate.Result{{Rule: "a", Injected: 6, Caught: 5, Gaps: []mutate.Gap{{Series: "up", Mutation: mutate.Vanish, Missed: 1, Of: 3, Proposal: "kind: AlertRule"}}}}
		if err := s.PutMutations(t.Context(), t0.Add(time.Hour), again); err != nil {
			t.Fatal(err)
		}
		got, err := s.Mutations(t.Context(), "", 10)
		if err != nil || len(got) != 2 || got[0].Caught != 5 || !got[0].At.Equal(t0.Add(time.Hour)) || got[0].Gaps[0] != again[0].Gaps[0] || !got[1].At.Equal(t0) {
			t.Errorf("got %+v, %v", got, err)
		}
		if got, err = s.Mutations(t.Context(), "a", 10); err != nil || len(got) != 1 {
			t.Errorf("got %+v, %v; want what comes after a", got, err)
		}
	})
}
