package dispatch

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/prometheus/alertmanager/notify"
)

const (
	firstPause = 500 * time.Millisecond // between two attempts, growing by half, give or take half
	maxPause   = time.Minute
	hanging    = time.Second     // a message in hand for so long does not hold the next one
	drain      = 5 * time.Second // in which what waits is to be sent
	maxWidth   = 16              // messages in hand at once for one integration
	stopTime   = 5 * time.Second
)

// Observer is told what the Runner does. It must not block.
type Observer interface {
	// Tried is one attempt at telling an integration.
	Tried(key ToldKey, took time.Duration, err error)
	// Told is a message delivered, late after it was decided.
	Told(f *Flush, key ToldKey, reason Reason, alerts int, late time.Duration)
	// GaveUp is a message that could not be delivered in its time.
	GaveUp(f *Flush, key ToldKey, err error)
}

// Runner does what a State decides: it tells receivers. It has one goroutine,
// one more for each message in hand (at most 16 an integration), and none for a
// group.
//
// Each integration is told one message after the other, and each is in the
// journal before the next, so that a crash repeats at most one of them. More are
// in hand at once only where a receiver is so slow that what waits would take
// longer than five seconds.
type Runner struct {
	state *State
	store Store
	lease Lease   // nil: all groups are ours
	book  Journal // nil: the store is waited for
	watch Observer
	log   *slog.Logger
	now   func() time.Time

	wait func() time.Duration // how long a message is left to the servers before this one

	lanes   map[laneKey]*lane
	retries retries
	active  map[uint64]bool // keys of messages in hand

	looked time.Time // whether leases are still held on what waits

	results chan *attempt
	written chan written
	owing   []*Job
	noting  []note
	unsaved []Row // what the store could not keep
	writing bool
	inHand  int
}

// Wait has every message wait for what fn returns before its first attempt, so
// that the servers of a cluster do not all send it.
func (r *Runner) Wait(fn func() time.Duration) { r.wait = fn }

// NewRunner returns a Runner of state. lease and book may be nil.
func NewRunner(state *State, st Store, lease Lease, book Journal, watch Observer, log *slog.Logger, now func() time.Time) *Runner {
	return &Runner{
		state: state, store: st, lease: lease, book: book, watch: watch, log: log, now: now,
		lanes: map[laneKey]*lane{}, active: map[uint64]bool{}, results: make(chan *attempt, 64), written: make(chan written, 1),
	}
}

type laneKey struct {
	receiver, integration string
	index                 int
}

// lane is the messages to one integration.
type lane struct {
	queue  []*attempt
	active map[*attempt]time.Time // in hand since
	usual  time.Duration          // how long a message takes, lately
}

// width is how many messages may be in hand beside those that hang.
func (l *lane) width() int {
	return min(max(1, int(time.Duration(len(l.queue))*l.usual/drain)), maxWidth)
}

// free reports whether another message may be taken in hand.
func (l *lane) free(now time.Time) bool {
	hang := 0
	for _, since := range l.active {
		if now.Sub(since) >= hanging {
			hang++
		}
	}
	return len(l.active) < maxWidth && len(l.active)-hang < l.width()
}

// attempt is a job on its way.
type attempt struct {
	job    *Job
	lane   *lane
	queued time.Time
	tries  int
	pause  time.Duration
	due    time.Time // of the next try
	last   error
	took   time.Duration
	retry  bool
	err    error
}

// note is what the store is to keep of a job that is over.
type note struct {
	row Row
	a   *attempt
}

type written struct {
	owed  []*Job
	notes []note
	rows  []Row
	drop  func() error
	err   error
}

// Run tells receivers until ctx ends; then it waits a moment for the messages in
// hand.
func (r *Runner) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	sweep := r.now().Add(time.Minute)
	for {
		now := r.now()
		for _, f := range r.state.Due(now) {
			r.take(f)
		}
		r.abandon(now)
		for len(r.retries) > 0 && !r.retries[0].due.After(now) {
			a := heap.Pop(&r.retries).(*attempt) //nolint:forcetypeassert // as above
			r.state.Renew(a.job, now)
			r.enqueue(a)
		}
		if !now.Before(sweep) {
			sweep = now.Add(time.Minute)
			r.state.Sweep(now)
		}
		r.write(ctx)
		for _, l := range r.lanes {
			r.pump(ctx, l)
		}
		r.write(ctx)
		timer.Reset(r.until(now, sweep))
		select {
		case <-ctx.Done():
			return r.stop(ctx)
		case <-timer.C:
		case <-r.state.Wake():
		case a := <-r.results:
			r.tried(a)
			r.drain()
		case w := <-r.written:
			r.kept(w)
		}
	}
}

// drain takes the other results that are there already.
func (r *Runner) drain() {
	for {
		select {
		case a := <-r.results:
			r.tried(a)
		default:
			return
		}
	}
}

func (r *Runner) until(now, sweep time.Time) time.Duration {
	next := sweep
	if d := r.state.Next(); !d.IsZero() && d.Before(next) {
		next = d
	}
	if len(r.retries) > 0 && r.retries[0].due.Before(next) {
		next = r.retries[0].due
	}
	for _, l := range r.lanes {
		if len(l.queue) == 0 {
			continue
		}
		for _, since := range l.active {
			if w := since.Add(hanging); w.After(now) && w.Before(next) {
				next = w
			}
		}
	}
	return max(0, next.Sub(now))
}

// take has the jobs of a flush done: what is owed is on disk before the first
// attempt.
func (r *Runner) take(f *Flush) {
	r.owing = append(r.owing, f.Jobs...)
}

func (r *Runner) laneOf(j *Job) *lane {
	k := laneKey{j.Key.Receiver, j.Key.Integration, j.Key.Index}
	l := r.lanes[k]
	if l == nil {
		l = &lane{active: map[*attempt]time.Time{}}
		r.lanes[k] = l
	}
	return l
}

func (r *Runner) enqueue(a *attempt) {
	a.queued = r.now()
	a.lane.queue = append(a.lane.queue, a)
}

// pump starts what a lane may have in hand.
func (r *Runner) pump(ctx context.Context, l *lane) {
	for n := len(l.queue); n > 0 && len(l.queue) > 0; n-- {
		a := l.queue[0]
		now := r.now()
		if !l.free(now) {
			return
		}
		l.queue[0] = nil
		l.queue = l.queue[1:]
		h := a.job.Key.hash()
		switch {
		case r.active[h]:
			l.queue = append(l.queue, a) // the same receiver is being told of the same group
			continue
		case r.state.Stale(a.job):
			r.state.Finish(a.job, now)
			continue
		}
		r.active[h] = true
		l.active[a] = now
		r.inHand++
		r.start(ctx, a)
	}
	if len(l.queue) == 0 {
		l.queue = nil
	}
}

func (r *Runner) start(ctx context.Context, a *attempt) {
	go func() {
		start := r.now()
		a.retry, a.err = r.send(ctx, a.job)
		a.took = r.now().Sub(start)
		r.results <- a
	}()
}

// send is one attempt. The end of the server's ctx gives it a moment to finish.
func (r *Runner) send(ctx context.Context, j *Job) (retry bool, err error) {
	if len(j.Alerts) == 0 {
		return false, nil
	}
	defer func() {
		if p := recover(); p != nil {
			retry, err = false, fmt.Errorf("panic in %s: %v\n%s", j.Key.Integration, p, debug.Stack())
		}
	}()
	f := j.Flush
	left := f.Deadline.Sub(r.now())
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), left)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(stopTime, cancel) })
	defer stop()
	if r.lease != nil {
		held, release := r.lease.Held(own, Set(f.Key).hash())
		defer release()
		if held.Err() != nil && own.Err() == nil {
			return false, errLost
		}
		defer func(whole context.Context) {
			if err != nil && held.Err() != nil && whole.Err() == nil {
				retry, err = false, errLost
			}
		}(own)
		own = held
	}
	opts := f.Route.RouteOpts
	own = notify.WithNow(own, f.At)
	own = notify.WithGroupKey(own, f.Key)
	own = notify.WithGroupLabels(own, f.Labels)
	own = notify.WithRouteLabels(own, opts.Labels)
	own = notify.WithReceiverName(own, opts.Receiver)
	own = notify.WithRepeatInterval(own, opts.RepeatInterval)
	own = notify.WithMuteTimeIntervals(own, opts.MuteTimeIntervals)
	own = notify.WithActiveTimeIntervals(own, opts.ActiveTimeIntervals)
	own = notify.WithRouteID(own, f.Route.ID())
	own = notify.WithFlushID(own, f.Num)
	own = notify.WithGroupMatchers(own, f.Route.Matchers)
	own = notify.WithFiringAlerts(own, j.firing)
	own = notify.WithResolvedAlerts(own, j.resolved)
	own = notify.WithNotificationReason(own, j.Reason)
	return j.To.Notify(own, j.Alerts...)
}

// tried decides what becomes of an attempt.
func (r *Runner) tried(a *attempt) {
	now := r.now()
	r.inHand--
	a.tries++
	j := a.job
	delete(r.active, j.Key.hash())
	if errors.Is(a.err, errLost) {
		delete(a.lane.active, a)
		r.state.Lost(j, now)
		return
	}
	if len(j.Alerts) > 0 {
		r.watch.Tried(j.Key, a.took, a.err)
	}
	if a.err == nil {
		if len(j.Alerts) > 0 {
			r.watch.Told(j.Flush, j.Key, j.Reason, len(j.Alerts), now.Sub(j.Flush.At))
		}
		if a.tries > 1 {
			r.log.Info("a receiver took what it was owed", "receiver", j.Key.Receiver, "integration", j.Key.Integration, "attempts", a.tries, "late", now.Sub(j.Flush.At).Round(time.Millisecond))
		}
		row := r.state.Delivered(j, a.tries, now)
		a.lane.usual = (3*a.lane.usual + a.took) / 4
		if r.journalled(row) {
			delete(a.lane.active, a)
		}
		r.noting = append(r.noting, note{row, a})
		return
	}
	delete(a.lane.active, a)
	a.pause = min(max(firstPause, a.pause+a.pause/2), maxPause)
	a.due = now.Add(time.Duration(float64(a.pause) * (0.5 + rand.Float64()))) //nolint:gosec // spreads attempts, keeps no secret
	if a.retry && a.due.Before(j.Flush.Deadline) {
		if a.last == nil || a.last.Error() != a.err.Error() {
			r.log.Warn("a receiver could not be told, trying again", "receiver", j.Key.Receiver, "integration", j.Key.Integration, "attempts", a.tries, "err", a.err)
		}
		a.last = a.err
		heap.Push(&r.retries, a)
		return
	}
	r.log.Error("a receiver could not be told", "receiver", j.Key.Receiver, "integration", j.Key.Integration, "attempts", a.tries, "again", a.retry, "err", a.err)
	r.watch.GaveUp(j.Flush, j.Key, a.err)
	if row, ok := r.state.Failed(j, a.tries, a.err, now); ok {
		r.noting = append(r.noting, note{row, a})
		return
	}
	r.state.Finish(j, now)
}

// journalled reports whether row is safe from a crash already; else the store is
// waited for.
func (r *Runner) journalled(row Row) bool {
	if r.book == nil {
		return false
	}
	if err := r.book.Append(row); err != nil {
		r.log.Error("the journal of messages cannot be written; the store is waited for", "err", err)
		return false
	}
	return true
}

// write hands what is to be kept to the store, one batch at a time.
func (r *Runner) write(ctx context.Context) {
	if r.writing {
		return
	}
	forgotten := r.state.Forgotten()
	if len(r.owing)+len(r.noting)+len(forgotten) == 0 {
		return
	}
	w := written{owed: r.owing, notes: r.noting, rows: r.unsaved}
	r.owing, r.noting, r.unsaved, r.writing = nil, nil, nil, true
	for _, n := range w.notes {
		w.rows = append(w.rows, n.row)
	}
	for _, j := range w.owed {
		if row, ok := r.state.Owe(j); ok {
			w.rows = append(w.rows, row)
		}
	}
	w.rows = append(w.rows, forgotten...) // as they stand: after all others of their keys
	if len(w.rows) == 0 {
		r.kept(w)
		return
	}
	if r.book != nil && len(w.notes) > 0 {
		w.drop = r.book.Turn()
	}
	ctx = context.WithoutCancel(ctx)
	go func() {
		w.err = r.store.PutTold(ctx, w.rows)
		r.written <- w
	}()
}

// kept goes on with what the store has kept. Where it has not, receivers are
// told all the same: better twice than never.
func (r *Runner) kept(w written) {
	r.writing = false
	switch {
	case w.err != nil:
		r.log.Error("what receivers were told could not be kept; after a crash they would be told again", "rows", len(w.rows), "err", w.err)
		r.unsaved = latest(w.rows)
	case w.drop != nil:
		if err := w.drop(); err != nil {
			r.log.Error("the journal of messages could not be emptied", "err", err)
		}
	}
	now := r.now()
	for _, n := range w.notes {
		delete(n.a.lane.active, n.a)
		r.state.Finish(n.a.job, now)
	}
	for _, j := range w.owed {
		a := &attempt{job: j, lane: r.laneOf(j)}
		if wait := r.waits(); wait > 0 {
			j.Flush.Deadline = j.Flush.At.Add(max(j.Flush.Route.RouteOpts.GroupInterval, minTimeout) + wait)
			a.due = now.Add(wait)
			heap.Push(&r.retries, a)
			continue
		}
		r.enqueue(a)
	}
}

// latest keeps the last row of each key.
func latest(rows []Row) []Row {
	at := map[uint64]int{}
	var out []Row
	for _, row := range rows {
		if i, ok := at[row.Hash]; ok {
			out[i] = row
			continue
		}
		at[row.Hash] = len(out)
		out = append(out, row)
	}
	return out
}

func (r *Runner) waits() time.Duration {
	if r.wait == nil {
		return 0
	}
	return r.wait()
}

// stop waits for what is in hand, and for the store.
func (r *Runner) stop(ctx context.Context) error {
	end := time.NewTimer(2 * stopTime)
	defer end.Stop()
	for r.inHand > 0 || r.writing || len(r.noting) > 0 {
		r.owing = nil
		r.write(ctx)
		select {
		case a := <-r.results:
			r.tried(a)
		case w := <-r.written:
			w.owed = nil
			r.kept(w)
		case <-end.C:
			return fmt.Errorf("dispatch: %d messages were still in hand", r.inHand)
		}
	}
	return nil
}
