package bus

import (
	"context"
	"fmt"

	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/store"
)

// Report is what [Log.Verify] found.
type Report struct {
	Events  int64  `json:"events"`
	Head    string `json:"head"`              // the last hash: keep it elsewhere to prove the end of the log
	Intact  bool   `json:"intact"`            // no row was edited, deleted, added or reordered
	BadSeq  int64  `json:"bad_seq,omitempty"` // the first seq that does not fit
	Problem string `json:"problem,omitempty"`
}

// Verify walks the whole log and recomputes its chain.
func (l *Log) Verify(ctx context.Context) (Report, error) {
	rep := Report{Intact: true}
	err := l.db.Read(ctx, func(tx store.Tx) error {
		var headSeq int64
		var headHash string
		if err := tx.QueryRowContext(ctx, `SELECT seq, hash FROM bus_head WHERE id = 1`).Scan(&headSeq, &headHash); err != nil {
			return fmt.Errorf("read head: %w", err)
		}
		var below int64
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM bus_event WHERE seq < 1`).Scan(&below); err != nil {
			return fmt.Errorf("count below 1: %w", err)
		}
		if below > 0 {
			rep.bad(0, "rows with a seq below 1 were added")
		}
		for rep.Intact {
			page, err := store.All(ctx, tx, scan, `SELECT `+columns+` FROM bus_event WHERE seq > $1 ORDER BY seq LIMIT 1000`, rep.Events)
			if err != nil {
				return fmt.Errorf("read after %d: %w", rep.Events, err)
			}
			if len(page) == 0 {
				break
			}
			rep.follow(page)
		}
		if rep.Intact && (rep.Events != headSeq || rep.Head != headHash) {
			rep.bad(rep.Events+1, fmt.Sprintf("the log ends at %d, its head says %d: rows at the end were deleted or added", rep.Events, headSeq))
		}
		return nil
	})
	return rep, err
}

// follow checks that page goes on where the report stands.
func (rep *Report) follow(page []event.Record) {
	for _, r := range page {
		if r.Seq != rep.Events+1 {
			rep.bad(rep.Events+1, "the row is missing: deleted, or its seq was changed")
			return
		}
		if chain(rep.Head, r) != r.Hash {
			rep.bad(r.Seq, "the row does not fit its hash: it, or its order, was changed")
			return
		}
		rep.Events, rep.Head = r.Seq, r.Hash
	}
}

func (rep *Report) bad(seq int64, problem string) {
	rep.Intact, rep.BadSeq, rep.Problem = false, seq, problem
}
