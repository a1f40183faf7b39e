package am

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/cluster"
	"github.com/prometheus/alertmanager/nflog/nflogpb"
	"github.com/prometheus/alertmanager/silence/silencepb"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/hinoban/hinoban/internal/alert/dispatch"
)

// RowStore is the store that a Gossip stands in front of.
type RowStore interface {
	dispatch.Store
	// ToldRows returns every row of what receivers were told.
	ToldRows(ctx context.Context) ([]dispatch.Row, error)
}

// GossipOptions are Alertmanager's --cluster flags.
type GossipOptions struct {
	Bind, Advertise, Name, Label, TLSConfig                                              string
	Peers                                                                                []string
	PeerTimeout, SettleTimeout, PushPull, Interval, TCPTimeout, ProbeTimeout, ProbeEvery time.Duration
	ResolveTimeout, ReconnectEvery, ReconnectTimeout                                     time.Duration
	AllowInsecureAdvertise                                                               bool
}

// Gossip tells the other servers of an Alertmanager cluster, ours or the
// original, of silences and of what receivers were told, and hears it from them.
// It is the dispatch.Store of a server in a cluster: what is kept is also told.
type Gossip struct {
	RowStore
	peer      *cluster.Peer
	state     *dispatch.State
	log       *slog.Logger
	now       func() time.Time
	timeout   time.Duration
	retention time.Duration
	told, sil cluster.ClusterChannel
}

// JoinCluster starts to listen, and to look for the peers named in o. Until they
// are reached the server works alone.
func JoinCluster(ctx context.Context, o GossipOptions, st RowStore, state *dispatch.State, retention time.Duration, reg prometheus.Registerer, log *slog.Logger, now func() time.Time) (*Gossip, error) {
	tls, err := cluster.GetTLSTransportConfig(o.TLSConfig)
	if err != nil {
		return nil, err
	}
	peer, err := cluster.Create(log.With("component", "cluster"), reg, o.Bind, o.Advertise, o.Peers, true, o.PushPull, o.Interval, o.TCPTimeout, o.ResolveTimeout,
		o.ProbeTimeout, o.ProbeEvery, tls, o.AllowInsecureAdvertise, o.Label, o.Name)
	if err != nil {
		return nil, err
	}
	g := &Gossip{RowStore: st, peer: peer, state: state, log: log, now: now, timeout: o.PeerTimeout, retention: retention}
	g.told = peer.AddState("nfl", toldState{g}, reg)
	g.sil = peer.AddState("sil", silenceState{g}, reg)
	if err := peer.Join(o.ReconnectEvery, o.ReconnectTimeout); err != nil {
		log.WarnContext(ctx, "no peer of the cluster could be reached yet", "err", err)
	}
	go func() {
		settle, cancel := context.WithTimeout(ctx, o.SettleTimeout)
		defer cancel()
		peer.Settle(settle, o.Interval*10)
	}()
	return g, nil
}

// Leave says farewell to the peers.
func (g *Gossip) Leave() error { return g.peer.Leave(10 * time.Second) }

// Ready returns when the cluster has settled, or ctx ends.
func (g *Gossip) Ready(ctx context.Context) error { return g.peer.WaitReady(ctx) }

// Wait is how long this server leaves a message to those before it.
func (g *Gossip) Wait() time.Duration { return time.Duration(g.peer.Position()) * g.timeout }

// Cluster is what the status tells.
func (g *Gossip) Cluster() Cluster {
	c := Cluster{Name: g.peer.Name(), Status: g.peer.Status(), Peers: []Peer{}}
	for _, p := range g.peer.Peers() {
		c.Peers = append(c.Peers, Peer{Name: p.Name(), Address: p.Address()})
	}
	slices.SortFunc(c.Peers, func(a, b Peer) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	return c
}

// PutTold implements dispatch.Store.
func (g *Gossip) PutTold(ctx context.Context, rows []dispatch.Row) error {
	if err := g.RowStore.PutTold(ctx, rows); err != nil {
		return err
	}
	for _, r := range rows {
		if r.Told.At.IsZero() {
			continue
		}
		var b bytes.Buffer
		if _, err := protodelim.MarshalTo(&b, toldEntry(r)); err != nil {
			return err
		}
		g.told.Broadcast(b.Bytes())
	}
	return nil
}

// PutSilences implements dispatch.Store.
func (g *Gossip) PutSilences(ctx context.Context, by string, all ...dispatch.Silence) error {
	if err := g.RowStore.PutSilences(ctx, by, all...); err != nil {
		return err
	}
	for _, s := range all {
		var b bytes.Buffer
		if _, err := protodelim.MarshalTo(&b, g.silenceEntry(s)); err != nil {
			return err
		}
		g.sil.Broadcast(b.Bytes())
	}
	return nil
}

func toldEntry(r dispatch.Row) *nflogpb.MeshEntry {
	return &nflogpb.MeshEntry{
		Entry: &nflogpb.Entry{
			GroupKey:     []byte(r.Key.Group),
			Receiver:     &nflogpb.Receiver{GroupName: r.Key.Receiver, Integration: r.Key.Integration, Idx: uint32(r.Key.Index)}, //nolint:gosec // a place in a list
			Timestamp:    timestamppb.New(r.Told.At),
			FiringAlerts: r.Told.Firing, ResolvedAlerts: r.Told.Resolved,
		},
		ExpiresAt: timestamppb.New(r.Told.Expires),
	}
}

// toldState is what receivers were told, as the cluster exchanges it.
type toldState struct{ g *Gossip }

// MarshalBinary implements cluster.State.
func (s toldState) MarshalBinary() ([]byte, error) {
	rows, err := s.g.ToldRows(context.Background())
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, r := range rows {
		if r.Told.At.IsZero() {
			continue
		}
		if _, err := protodelim.MarshalTo(&b, toldEntry(r)); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// Merge implements cluster.State.
func (s toldState) Merge(b []byte) error {
	var rows []dispatch.Row
	err := each(b, func() *nflogpb.MeshEntry { return &nflogpb.MeshEntry{} }, func(e *nflogpb.MeshEntry) {
		if e.GetEntry().GetReceiver() == nil || e.GetExpiresAt().AsTime().Before(s.g.now()) {
			return
		}
		r := e.GetEntry().GetReceiver()
		rows = append(rows, dispatch.Row{
			Key:  dispatch.ToldKey{Group: string(e.GetEntry().GetGroupKey()), Receiver: r.GetGroupName(), Integration: r.GetIntegration(), Index: int(r.GetIdx())},
			Told: dispatch.Told{Firing: e.GetEntry().GetFiringAlerts(), Resolved: e.GetEntry().GetResolvedAlerts(), At: e.GetEntry().GetTimestamp().AsTime(), Expires: e.GetExpiresAt().AsTime()},
		})
	})
	if err != nil {
		return err
	}
	if rows = s.g.state.Heard(rows); len(rows) == 0 {
		return nil
	}
	if err := s.g.RowStore.PutTold(context.Background(), rows); err != nil {
		return err
	}
	if !cluster.OversizedMessage(b) {
		s.g.told.Broadcast(b)
	}
	return nil
}

// silenceState is the silences, as the cluster exchanges them.
type silenceState struct{ g *Gossip }

// MarshalBinary implements cluster.State.
func (s silenceState) MarshalBinary() ([]byte, error) {
	var b bytes.Buffer
	for _, one := range s.g.state.Silences(s.g.now()) {
		if _, err := protodelim.MarshalTo(&b, s.g.silenceEntry(one)); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// Merge implements cluster.State.
func (s silenceState) Merge(b []byte) error {
	var news []dispatch.Silence
	err := each(b, func() *silencepb.MeshSilence { return &silencepb.MeshSilence{} }, func(e *silencepb.MeshSilence) {
		if e.GetSilence() == nil || e.GetExpiresAt().AsTime().Before(s.g.now()) {
			return
		}
		one := fromMesh(e.GetSilence())
		if old, ok := s.g.state.Silence(one.ID); ok && !old.UpdatedAt.Before(one.UpdatedAt) {
			return
		}
		news = append(news, one)
	})
	if err != nil {
		return err
	}
	for _, one := range news {
		if err := s.g.state.SetSilence(one); err != nil {
			s.g.log.Warn("a silence of the cluster cannot be used", "silence", one.ID, "err", err)
			continue
		}
		if err := s.g.RowStore.PutSilences(context.Background(), one.CreatedBy, one); err != nil {
			return err
		}
	}
	if len(news) > 0 && !cluster.OversizedMessage(b) {
		s.g.sil.Broadcast(b)
	}
	return nil
}

func fromMesh(p *silencepb.Silence) dispatch.Silence {
	s := dispatch.Silence{
		ID: p.GetId(), StartsAt: p.GetStartsAt().AsTime(), EndsAt: p.GetEndsAt().AsTime(), UpdatedAt: p.GetUpdatedAt().AsTime(),
		CreatedBy: p.GetCreatedBy(), Comment: p.GetComment(), Annotations: p.GetAnnotations(),
	}
	list := p.GetMatchers()
	if sets := p.GetMatcherSets(); len(sets) > 0 {
		list = sets[0].GetMatchers()
	}
	for _, m := range list {
		equal := m.GetType() == silencepb.Matcher_EQUAL || m.GetType() == silencepb.Matcher_REGEXP
		s.Matchers = append(s.Matchers, dispatch.Matcher{
			Name: m.GetName(), Value: m.GetPattern(), IsEqual: &equal,
			IsRegex: m.GetType() == silencepb.Matcher_REGEXP || m.GetType() == silencepb.Matcher_NOT_REGEXP,
		})
	}
	return s
}

func (g *Gossip) silenceEntry(s dispatch.Silence) *silencepb.MeshSilence {
	set := &silencepb.MatcherSet{}
	for _, m := range s.Matchers {
		equal := m.IsEqual == nil || *m.IsEqual
		t := silencepb.Matcher_EQUAL
		switch {
		case !equal && m.IsRegex:
			t = silencepb.Matcher_NOT_REGEXP
		case m.IsRegex:
			t = silencepb.Matcher_REGEXP
		case !equal:
			t = silencepb.Matcher_NOT_EQUAL
		}
		set.Matchers = append(set.Matchers, &silencepb.Matcher{Type: t, Name: m.Name, Pattern: m.Value})
	}
	return &silencepb.MeshSilence{
		Silence: &silencepb.Silence{
			Id: s.ID, Matchers: set.GetMatchers(), MatcherSets: []*silencepb.MatcherSet{set}, StartsAt: timestamppb.New(s.StartsAt), EndsAt: timestamppb.New(s.EndsAt),
			UpdatedAt: timestamppb.New(s.UpdatedAt), CreatedBy: s.CreatedBy, Comment: s.Comment, Annotations: s.Annotations,
		},
		ExpiresAt: timestamppb.New(s.EndsAt.Add(g.retention)),
	}
}

// each reads the length-delimited messages of b.
func each[M proto.Message](b []byte, fresh func() M, fn func(M)) error {
	r := bufio.NewReader(bytes.NewReader(b))
	for {
		m := fresh()
		err := protodelim.UnmarshalFrom(r, m)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		fn(m)
	}
}
