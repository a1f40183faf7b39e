package oncall

import (
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

// DeliveryKind says why a message is sent.
type DeliveryKind string

// The kinds.
const (
	KindPage     DeliveryKind = "page"     // act now
	KindShadow   DeliveryKind = "shadow"   // somebody else acts; look and learn
	KindResolved DeliveryKind = "resolved" // what was paged is over
	KindCanary   DeliveryKind = "canary"   // a machine tries the channel
)

// DeliveryState is where a delivery stands.
type DeliveryState string

// The states of a delivery. Those after Sent come from reports of providers that
// make them.
const (
	Pending   DeliveryState = "pending"
	Sent      DeliveryState = "sent"      // its provider took it
	Arrived   DeliveryState = "delivered" // it is on the device
	Read      DeliveryState = "read"      // it was seen or heard
	Failed    DeliveryState = "failed"    // for good
	Cancelled DeliveryState = "cancelled" // an answer came first
	Bundled   DeliveryState = "bundled"   // another message said it
)

// Taken reports whether a provider took the message, or one that says the same.
func (s DeliveryState) Taken() bool {
	return s == Sent || s == Arrived || s == Read || s == Bundled
}

// Delivery is one message to one device. The deliveries are the ledger.
type Delivery struct {
	ID       string        `json:"id"`
	Page     string        `json:"page,omitempty"`
	Kind     DeliveryKind  `json:"kind"`
	Person   string        `json:"person,omitempty"`
	Device   string        `json:"device"`
	Channel  string        `json:"channel"`
	Address  string        `json:"-"`
	Step     int           `json:"step"`
	Firing   int           `json:"firing,omitempty"` // which of the page's firings made it
	State    DeliveryState `json:"state"`
	MadeAt   time.Time     `json:"made_at"`
	DueAt    time.Time     `json:"due_at"` // when to send, or to try again
	Lease    time.Time     `json:"-"`      // until then one sender has it
	Fence    int           `json:"-"`      // grows with every claim: an outcome under an older one is late
	Doubt    bool          `json:"-"`      // an earlier sender ended without saying what became of it
	Attempts int           `json:"attempts"`
	SentAt   time.Time     `json:"sent_at,omitzero"`
	Receipt  string        `json:"receipt,omitempty"` // the provider's name for it
	Cost     string        `json:"cost,omitempty"`
	Bundle   string        `json:"bundle,omitempty"` // the delivery whose message said it
	Error    string        `json:"error,omitempty"`  // of the last attempt
}

// GivesWay reports whether the change from before made others be called in the
// place of this device.
func (d *Delivery) GivesWay(before Delivery) bool { return d.hopeless() && !before.hopeless() }

// PassedOn reports whether a step was fired after that of the message: to decline
// it would skip somebody else.
func (d *Delivery) PassedOn(p Page) bool { return d.Firing != p.Firing }

// cancelled are the deliveries of a ledger that wait and are not to be sent.
func cancelled(ledger []Delivery, which func(Delivery) bool) (out []Delivery) {
	for _, d := range ledger {
		if d.State == Pending && which(d) {
			d.State, d.Lease = Cancelled, time.Time{}
			out = append(out, d)
		}
	}
	return out
}

// Supersede takes the place of what waits of a page's ledger to call the same device,
// which it returns cancelled. It is due when the earliest of them was.
func (d *Delivery) Supersede(ledger []Delivery) []Delivery {
	if d.Kind != KindPage || d.State != Pending {
		return nil
	}
	out := cancelled(ledger, func(o Delivery) bool {
		return o.Kind == KindPage && o.Page == d.Page && o.Person == d.Person && o.Device == d.Device && o.Firing < d.Firing
	})
	for i := range out {
		out[i].Error = "called again by a later message"
		d.DueAt = earlier(d.DueAt, out[i].DueAt)
	}
	return out
}

// Attempt is one try to hand a delivery over.
type Attempt struct {
	Delivery string        `json:"delivery"`
	At       time.Time     `json:"at"`
	Took     time.Duration `json:"took"`
	Receipt  string        `json:"receipt,omitempty"`
	Error    string        `json:"error,omitempty"`
	Late     bool          `json:"late,omitempty"` // another sender had taken it over
}

// retries are the pauses before each further attempt of a delivery; the last goes
// on while its page calls.
var retries = []time.Duration{0, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute} //nolint:gochecknoglobals // a constant table

const (
	// givesWay is after how many failed attempts the next device, and the next person,
	// are called; this one is tried all the same.
	givesWay = 4
	// givenUp is how long a message is tried.
	givenUp = 24 * time.Hour
)

const (
	// MaxPause is the longest pause between two attempts, whatever a provider asks for.
	MaxPause = 15 * time.Minute
	// MaxAfter is how long after it was made a delivery may be due at the latest: by
	// the delay of its device, and some more behind a shadow or in a storm.
	MaxAfter = 25 * time.Hour
)

// hopeless reports whether others are to be called in the place of this device.
func (d *Delivery) hopeless() bool {
	return d.State == Failed || (d.State == Pending && d.Attempts >= givesWay)
}

// Settle records the outcome of an attempt: sent, to be tried again at a later
// time, or failed for good. It is pure.
func (d *Delivery) Settle(r notify.Receipt, err error, retryAfter time.Duration, now time.Time) []event.Fact {
	d.Attempts++
	d.Lease = time.Time{}
	fact := event.Fact{At: now, Subject: d.subject(), Actor: worker, Source: itself}
	if err == nil {
		d.State, d.SentAt, d.Receipt, d.Error = Sent, now, r.ProviderID, ""
		fact.Event = Delivered{Delivery: d.ID, Page: d.Page, Kind: d.Kind, Person: d.Person, Device: d.Device, Channel: d.Channel, Step: d.Step, Attempts: d.Attempts}
		return []event.Fact{fact}
	}
	d.Error = cut(err.Error(), 500)
	failed := DeliveryFailed{Delivery: d.ID, Page: d.Page, Person: d.Person, Device: d.Device, Channel: d.Channel, Error: d.Error}
	if !errs.Permanent(err) && now.Sub(d.MadeAt) < givenUp {
		d.DueAt = now.Add(min(max(retries[min(d.Attempts, len(retries)-1)], retryAfter), MaxPause))
		if d.Attempts > 1 {
			return nil // said once; the ledger has the rest
		}
		failed.Retry = true
		fact.Event = failed
		return []event.Fact{fact}
	}
	d.State = Failed
	fact.Event = failed
	return []event.Fact{fact}
}

func (d *Delivery) subject() string {
	if d.Page == "" {
		return "channel/" + d.Channel
	}
	return Subject(d.Page)
}

// failed is what follows when a delivery of a page gives way: the person's next
// devices are used at once, and where none of those who were called at the
// page's step can be reached, the next step follows. It returns the deliveries that
// it changed.
func (p *Page) failed(d Delivery, ledger []Delivery, now time.Time) (changed []Delivery) {
	if d.Kind != KindPage || p.State != Calling {
		return nil
	}
	hope, round := false, false // of this firing, and of the whole round
	for _, o := range ledger {
		if o.ID == d.ID || o.Kind != KindPage {
			continue
		}
		round = round || (o.Firing > p.Since && o.mayHear())
		if o.Firing != d.Firing {
			continue
		}
		if o.waitsBehind(d, now) {
			o.DueAt = now
			changed = append(changed, o)
		}
		hope = hope || o.mayHear()
	}
	if !hope && p.Firing == d.Firing && p.StepAt.After(now) {
		p.due(now, now)
	}
	if !round {
		p.Told = nil
	}
	return changed
}

// mayHear reports whether a message was taken, or still may be soon.
func (d *Delivery) mayHear() bool {
	return (d.State == Pending && !d.hopeless()) || d.State.Taken()
}

// waitsBehind reports whether d is a later device of whom another could not reach.
func (d *Delivery) waitsBehind(of Delivery, now time.Time) bool {
	return d.State == Pending && d.Person == of.Person && d.Attempts == 0 && d.DueAt.After(now)
}

// Report takes what a provider says later, or before its answer has come: that it
// has the message is as good as the answer. It is pure, goes only forward, and
// returns whether anything changed, and the news.
func (d *Delivery) Report(r notify.Report, now time.Time) (changed bool, facts []event.Fact) {
	before := *d
	if (d.State == Pending || d.State == Cancelled) && r.State != notify.Undelivered && d.Fence > 0 { // a sender has had it in hand
		facts = d.Settle(notify.Receipt{ProviderID: r.ProviderID}, nil, 0, now)
	}
	rank := map[DeliveryState]int{Sent: 1, Arrived: 2, Read: 3}
	if r.Cost != "" {
		d.Cost = r.Cost
	}
	if d.Receipt == "" {
		d.Receipt = r.ProviderID
	}
	to := map[notify.ReportState]DeliveryState{notify.Delivered: Arrived, notify.Read: Read}[r.State]
	switch {
	case r.State == notify.Undelivered && (d.State == Sent || d.State == Pending):
		d.State, d.Error = Failed, cut(r.Detail, 500)
	case rank[to] > rank[d.State] && rank[d.State] > 0:
		d.State = to
	}
	return *d != before, facts
}
