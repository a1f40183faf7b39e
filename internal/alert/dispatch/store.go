package dispatch

import (
	"context"
	"time"
)

// Kept is all that a Store keeps.
type Kept struct {
	Alerts   []Alert
	Silences []Silence
	Told     map[uint64]*Told // by the hash of their key
}

// Store keeps what a State knows. Each call is one transaction and returns when
// it is on disk. Its errors are of kind Unavailable.
type Store interface {
	// Load returns all that is kept.
	Load(ctx context.Context) (Kept, error)
	// PutAlerts keeps alerts as they stand; an older word never replaces a younger.
	PutAlerts(ctx context.Context, all []Alert) error
	// PutTold keeps what receivers were told, and are owed.
	PutTold(ctx context.Context, rows []Row) error
	// PutSilences keeps silences, and who did it in the log.
	PutSilences(ctx context.Context, by string, all ...Silence) error
	// Prune drops what ended before then: alerts, silences, told rows.
	Prune(ctx context.Context, alerts, others time.Time) error
}

// Journal keeps messages that were taken until the Store has them. What is in it
// outlives the process. It is safe for concurrent use.
type Journal interface {
	// Append notes a row in microseconds.
	Append(r Row) error
	// Turn begins a new part and returns what drops all before: it is called when
	// the store has them.
	Turn() (drop func() error)
	// Rows are what the last process left; Clear drops them.
	Rows() []Row
	Clear() error
}

// Lease says whether this server may still tell of groups, and is how several
// servers on one database share the work.
type Lease interface {
	// Owns reports whether this server tells of the group with that hash.
	Owns(group uint64) bool
	// Holds reports whether what was decided of that group may still be told: it is
	// true for a while longer than Owns where a lease is given back.
	Holds(group uint64) bool
	// Held ends when the lease on that group ends.
	Held(ctx context.Context, group uint64) (context.Context, context.CancelFunc)
}
