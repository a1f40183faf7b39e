package oncall

import (
	"context"
	"time"

	"github.com/hinoban/hinoban/internal/platform/event"
)

// PageQuery asks for pages, newest first.
type PageQuery struct {
	Open    bool // only those that are not closed
	Service string
	Person  string // only those that told, or were answered by, this person
	Before  string // a page's id
	Limit   int
}

// Store keeps pages with their deliveries. One call is one transaction.
type Store interface {
	// OpenPage hands the open page of a service, or nil, to fn, and saves what fn
	// returns with its deliveries and facts. It does nothing where fn returns nil.
	OpenPage(ctx context.Context, service string, fn func(*Page) (*Page, []Delivery, []event.Fact)) error
	// UpdatePage hands a page and its ledger to fn and saves the page with the
	// deliveries that fn returns, new or changed, and the facts. Where the page is
	// answered or closed afterwards, its pending deliveries are cancelled. NotFound
	// where there is none.
	UpdatePage(ctx context.Context, id string, fn func(*Page, []Delivery) ([]Delivery, []event.Fact, error)) (Page, error)
	// Page returns a page and its deliveries, the oldest first.
	Page(ctx context.Context, id string) (Page, []Delivery, error)
	// Head returns a page alone.
	Head(ctx context.Context, id string) (Page, error)
	Pages(ctx context.Context, q PageQuery) ([]Page, error)
	// DuePages returns the ids of the pages with something due at now, and of those
	// whose deadline was set by a clock that is ahead of now by more than [Skew].
	DuePages(ctx context.Context, now time.Time) ([]string, error)
	// Paged says when each person was paged last since a time.
	Paged(ctx context.Context, since time.Time) (map[string]time.Time, error)
	// Shadowed counts the pages since a time at which a person learned.
	Shadowed(ctx context.Context, person string, since time.Time) (int, error)
}

// LedgerQuery asks for deliveries, newest first.
type LedgerQuery struct {
	Person  string
	Channel string
	State   DeliveryState
	Kind    DeliveryKind
	Before  string // a delivery's id
	Limit   int
}

// Settlement is the outcome of an attempt.
type Settlement struct {
	Delivery string
	Fence    int // under which it was claimed
	Attempt  Attempt
	Taken    bool // the provider took the message
	// Do changes the delivery and returns the news. It is not called where another
	// sender has taken the delivery over, unless this one's message was taken.
	Do func(*Delivery) []event.Fact
	// Failed is called where the delivery failed for good by Do, or gives way to others.
	Failed func(*Page, Delivery, []Delivery) []Delivery
}

// Ledger keeps deliveries and their attempts.
type Ledger interface {
	// Claim returns at most n deliveries due at now that nobody has, and leases
	// them until the given time under a new fence. Leases of a process that has ended
	// are void where it was alone. What a clock that was ahead put off is due.
	Claim(ctx context.Context, now, until time.Time, n int) ([]Delivery, error)
	// Hold returns, as they are now, those of claimed deliveries that are still to be
	// sent, and by this process. Leases that end before least are renewed until a time.
	Hold(ctx context.Context, least, until time.Time, claimed []Delivery) ([]Delivery, error)
	// Settle records outcomes, each by its own right.
	Settle(ctx context.Context, all ...Settlement) error
	// PutDelivery keeps a delivery that belongs to no page.
	PutDelivery(ctx context.Context, d Delivery) error
	// Delivery returns one and its attempts. NotFound where there is none.
	Delivery(ctx context.Context, id string) (Delivery, []Attempt, error)
	// Reported finds the delivery by its id or, where that is "", by channel and
	// receipt, hands it to fn and saves it with the news where fn says that it changed.
	Reported(ctx context.Context, id, channel, receipt string, fn func(*Delivery) (bool, []event.Fact)) (Delivery, error)
	// Newest returns the newest delivery of a kind to an address, or NotFound: of
	// pages, the one whose message was handed over last.
	Newest(ctx context.Context, kind DeliveryKind, channel, address string) (Delivery, error)
	// Bundle returns the deliveries whose message another one said.
	Bundle(ctx context.Context, carrier string) ([]Delivery, error)
	Deliveries(ctx context.Context, q LedgerQuery) ([]Delivery, error)
	// Health counts what was handed over since a time, and what still waits at now: of
	// pages, canaries, and no page of [Itself].
	Health(ctx context.Context, since, now time.Time) ([]ChannelHealth, error)
}

// Journal notes, quicker than the ledger can, what providers have taken.
type Journal interface {
	// Handed notes deliveries that one message told; the first carried it.
	Handed(ids ...string) error
	// Took reports whether an earlier process noted a delivery, and which one carried
	// its message.
	Took(id string) (carrier string, ok bool)
}

// AdjustmentStore keeps what people change of rotas, and what the rotas were.
type AdjustmentStore interface {
	// Adjustments returns those that touch [from, to), the earliest first.
	Adjustments(ctx context.Context, from, to time.Time) ([]Adjustment, error)
	PutAdjustment(ctx context.Context, a Adjustment, facts ...event.Fact) error
	// UpdateAdjustment hands one to fn and saves it, or removes it where fn leaves it
	// without a length. NotFound where there is none.
	UpdateAdjustment(ctx context.Context, id string, fn func(*Adjustment) ([]event.Fact, error)) error
	// Feed says how often the address of a calendar was revoked.
	Feed(ctx context.Context, id string) (int, error)
	RevokeFeed(ctx context.Context, id string) error
	// KeepEditions notes the documents of rotas that are in use from now on and
	// returns every edition that there was, the oldest first. One without a document
	// says that the rota was removed.
	KeepEditions(ctx context.Context, now time.Time, docs map[string]string) ([]KeptEdition, error)
}

// KeptEdition is the document of a rota as it was from a time on.
type KeptEdition struct {
	Rota  string
	Since time.Time
	Doc   string
}
