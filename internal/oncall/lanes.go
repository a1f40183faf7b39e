package oncall

import (
	"sync"
	"time"
)

// lanes hand deliveries over side by side for different addresses, and one
// after another for the same: a crash can then repeat at most one message to
// any address, and one that hangs holds up nobody else.
type lanes struct {
	mu     sync.Mutex
	queues map[string][]Delivery  // by channel and address; a key is there while its lane runs
	sent   map[string][]time.Time // when pages went to an address, of the last minute
	held   map[string]bool        // ids of the deliveries in the queues
	failed error                  // the first failure since the last round
	now    func() time.Time
	wg     sync.WaitGroup
}

func lane(d Delivery) string { return d.Channel + " " + d.Address }

// add queues deliveries and starts their lanes where they do not run.
func (l *lanes) add(ds []Delivery, handOver func([]Delivery) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queues == nil {
		l.queues, l.held, l.sent = map[string][]Delivery{}, map[string]bool{}, map[string][]time.Time{}
	}
	var start []string
	for _, d := range ds {
		if l.held[d.ID] {
			continue // its lease ran out while it waited here
		}
		l.held[d.ID] = true
		name := lane(d)
		queue, running := l.queues[name]
		l.queues[name] = append(queue, d)
		if !running {
			start = append(start, name)
		}
	}
	for _, name := range start {
		l.wg.Go(func() { l.run(name, handOver) })
	}
}

func (l *lanes) run(name string, handOver func([]Delivery) error) {
	for {
		batch := l.next(name)
		if len(batch) == 0 {
			return
		}
		err := handOver(batch)
		l.mu.Lock()
		for _, d := range batch {
			delete(l.held, d.ID)
		}
		if l.failed == nil {
			l.failed = err
		}
		l.mu.Unlock()
	}
}

// next takes what is to be said next, or ends the lane. Pages that wait behind
// one that went out within the minute are taken together; the first is alone, and
// so is each of which is to be asked whether it was sent already.
func (l *lanes) next(name string) []Delivery {
	l.mu.Lock()
	defer l.mu.Unlock()
	queue := l.queues[name]
	if len(queue) == 0 {
		delete(l.queues, name)
		return nil
	}
	n := 1
	l.sent[name] = recent(l.sent[name], l.now())
	together := func(d Delivery) bool { return d.Kind == KindPage && !d.Doubt }
	if len(l.sent[name]) > 0 && together(queue[0]) {
		for n < len(queue) && n < maxBundle && together(queue[n]) {
			n++
		}
	}
	l.queues[name] = queue[n:]
	return queue[:n:n]
}

// drain waits until nothing is in hand. What still waits in the lanes after a while
// is taken out of them and returned.
func (l *lanes) drain(within time.Duration) []Delivery {
	done := make(chan struct{})
	go func() {
		l.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-time.After(within):
	}
	left := l.giveUp()
	<-done
	return left
}

// giveUp empties the queues.
func (l *lanes) giveUp() (left []Delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, queue := range l.queues {
		for _, d := range queue {
			delete(l.held, d.ID)
		}
		left, l.queues[name] = append(left, queue...), nil
	}
	return left
}

// went notes that a page went to an address.
func (l *lanes) went(name string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[name] = append(recent(l.sent[name], now), now)
}

// calm returns until when an address is left in peace: in a storm its pages are
// said together, a while after the last. The first pages of it never wait.
func (l *lanes) calm(name string, now time.Time) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	sent := recent(l.sent[name], now)
	if len(sent) == 0 {
		delete(l.sent, name)
	} else {
		l.sent[name] = sent
	}
	if len(sent) < stormPages {
		return time.Time{}
	}
	if until := sent[len(sent)-1].Add(stormPause); until.After(now) {
		return until
	}
	return time.Time{}
}

// A storm is more pages to one address within a minute than anybody reads.
const (
	stormPages  = 4
	stormMinute = time.Minute
	stormPause  = 20 * time.Second
	maxBundle   = 200
)

func recent(sent []time.Time, now time.Time) []time.Time {
	for len(sent) > 0 && now.Sub(sent[0]) >= stormMinute {
		sent = sent[1:]
	}
	return sent
}

// outcome returns the first failure since the last call, and how many
// deliveries are in hand.
func (l *lanes) outcome() (held int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err, l.failed = l.failed, nil
	return len(l.held), err
}
