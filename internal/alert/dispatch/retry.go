package dispatch

import (
	"container/heap"
	"time"
)

// retries is the heap of attempts that wait for their next try.
type retries []*attempt

func (h retries) Len() int           { return len(h) }
func (h retries) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h retries) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *retries) Push(x any) { *h = append(*h, x.(*attempt)) } //nolint:forcetypeassert // the heap is ours alone

// Pop implements heap.Interface.
func (h *retries) Pop() any {
	old := *h
	a := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return a
}

// abandon leaves messages that wait for another try to the server that tells of
// their groups by now.
func (r *Runner) abandon(now time.Time) {
	if r.lease == nil || len(r.retries) == 0 || now.Sub(r.looked) < 100*time.Millisecond {
		return
	}
	r.looked = now
	var stay retries
	var lost []*Job
	for _, a := range r.retries {
		if r.lease.Holds(a.job.Key.GroupHash()) {
			stay = append(stay, a)
		} else {
			lost = append(lost, a.job)
		}
	}
	if len(lost) == 0 {
		return
	}
	r.retries = stay
	heap.Init(&r.retries)
	for _, j := range lost {
		r.state.Lost(j, now)
	}
}
