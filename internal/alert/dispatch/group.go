package dispatch

import (
	"container/heap"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/prometheus/common/model"
)

// kept is an alert in memory with the groups it is in.
type kept struct {
	Alert
	fp     model.Fingerprint
	groups []*group
	left   bool // a group that told of its end is without it, others are not yet

	held    []string // ids of the silences that hold it, when they were held changes times
	heldNum uint64   // changes of silences when held was found
}

// groupID names a group: a node of the tree and the labels grouped by.
type groupID struct {
	route  int
	labels Set
}

// group is the alerts that one route tells of together. It has no goroutine and
// no timer: only its place in the heap of deadlines.
type group struct {
	route    *Route
	labels   Set
	alerts   []*kept
	index    map[model.Fingerprint]int // of alerts, once they are many
	mutedBy  []string
	due      time.Time
	place    int32 // in the heap; -1: not there
	flushed  bool
	running  bool // being told
	again    bool // came due while running
	gone     bool
	flushNum uint64
	hash     uint64 // of its key; 0: not asked for yet
}

const indexFrom = 16 // alerts of a group that are searched one by one

func (g *group) find(fp model.Fingerprint) int {
	if g.index != nil {
		if i, ok := g.index[fp]; ok {
			return i
		}
		return -1
	}
	return slices.IndexFunc(g.alerts, func(k *kept) bool { return k.fp == fp })
}

// add reports whether k is new in the group.
func (g *group) add(k *kept) bool {
	if g.find(k.fp) >= 0 {
		return false
	}
	g.alerts = append(g.alerts, k)
	k.groups = append(k.groups, g)
	if g.index != nil {
		g.index[k.fp] = len(g.alerts) - 1
	} else if len(g.alerts) > indexFrom {
		g.index = make(map[model.Fingerprint]int, 2*len(g.alerts))
		for i, k := range g.alerts {
			g.index[k.fp] = i
		}
	}
	return true
}

func (g *group) remove(k *kept) {
	i := g.find(k.fp)
	if i < 0 {
		return
	}
	last := len(g.alerts) - 1
	g.alerts[i] = g.alerts[last]
	g.alerts[last] = nil
	g.alerts = g.alerts[:last]
	if g.index != nil {
		delete(g.index, k.fp)
		if i < last {
			g.index[g.alerts[i].fp] = i
		}
	}
	k.groups = slices.DeleteFunc(k.groups, func(o *group) bool { return o == g })
}

// key is Alertmanager's group key.
func (g *group) key() string { return g.route.Key() + ":" + g.labels.Map().String() }

// ToldKey names the row of what one integration of a receiver was told of a
// group.
type ToldKey struct {
	Group       string // Alertmanager's group key
	Receiver    string
	Integration string // "webhook"
	Index       int
}

// GroupHash is what servers that share the work share it by.
func (k ToldKey) GroupHash() uint64 { return Set(k.Group).hash() }

func (k ToldKey) hash() uint64 {
	var d xxhash.Digest
	d.Reset()
	for _, s := range []string{k.Group, k.Receiver, k.Integration} {
		_, _ = d.WriteString(s)
		_, _ = d.WriteString(sep)
	}
	_, _ = d.Write([]byte{byte(k.Index), byte(k.Index >> 8)})
	return d.Sum64()
}

// deadlines is the heap of groups by when they are due.
type deadlines []*group

func (h deadlines) Len() int           { return len(h) }
func (h deadlines) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h deadlines) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = int32(i), int32(j) //nolint:gosec // as many groups do not fit into memory
}

// Push implements heap.Interface.
func (h *deadlines) Push(x any) {
	g := x.(*group)          //nolint:forcetypeassert // the heap is ours alone
	g.place = int32(len(*h)) //nolint:gosec // as above
	*h = append(*h, g)
}

// Pop implements heap.Interface.
func (h *deadlines) Pop() any {
	old := *h
	g := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	g.place = -1
	return g
}

// at gives g a deadline.
func (h *deadlines) at(g *group, due time.Time) {
	g.due = due
	if g.place < 0 {
		heap.Push(h, g)
		return
	}
	heap.Fix(h, int(g.place))
}

func (h *deadlines) drop(g *group) {
	if g.place >= 0 {
		heap.Remove(h, int(g.place))
	}
}
