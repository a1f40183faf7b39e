package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Fault is what can be wrong with a service.
type Fault string

// The faults.
const (
	NoFault Fault = "none"
	Errors  Fault = "errors" // six of ten requests fail
	Slow    Fault = "slow"   // each request takes 0.8 s longer
	Down    Fault = "down"   // connections are closed without an answer
)

// Faults are all faults.
func Faults() []Fault { return []Fault{Errors, Slow, Down, NoFault} }

const (
	failShare = 0.6
	slowBy    = 800 * time.Millisecond
	perSecond = 35 // page views; 20 of them order, so 75 requests a second in all
	orders    = 20
	inFlight  = 64 // page views at the same time; more are skipped
)

// service is one of the shop's.
type service struct {
	name     string
	listener net.Listener
	next     string // URL of what it needs, or ""
	fault    atomic.Value
	client   *http.Client
	requests *prometheus.CounterVec
	duration prometheus.Histogram
	metrics  http.Handler
}

// Shop is storefront → checkout → payment.
type Shop struct {
	services []*service
}

// OpenShop listens on the given ports of loopback for storefront, checkout and
// payment; a port that is taken gives way to a free one.
func OpenShop(ctx context.Context, ports [3]int) (*Shop, error) {
	s := &Shop{}
	next := ""
	for i := len(ports) - 1; i >= 0; i-- {
		name := []string{"storefront", "checkout", "payment"}[i]
		ln, err := listen(ctx, ports[i])
		if err != nil {
			return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), s.close())
		}
		v := newService(name, ln, next)
		s.services = append(s.services, v)
		next = "http://" + ln.Addr().String() + "/order"
	}
	return s, nil
}

func listen(ctx context.Context, port int) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err == nil {
		return ln, nil
	}
	return lc.Listen(ctx, "tcp", "127.0.0.1:0")
}

func newService(name string, ln net.Listener, next string) *service {
	reg := prometheus.NewRegistry()
	v := &service{
		name: name, listener: ln, next: next,
		client:   &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: inFlight}},
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "http_requests_total", Help: "Requests answered."}, []string{"code"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "http_request_duration_seconds", Help: "How long an answer took.", Buckets: []float64{.005, .01, .025, .05, .1, .3, .5, 1, 2.5}}),
		metrics:  promhttp.HandlerFor(reg, promhttp.HandlerOpts{}),
	}
	v.fault.Store(NoFault)
	v.requests.WithLabelValues("200")
	v.requests.WithLabelValues("500")
	v.requests.WithLabelValues("502")
	reg.MustRegister(v.requests, v.duration)
	return v
}

// Addr returns where a service listens, or "" for an unknown one.
func (s *Shop) Addr(name string) string {
	if v := s.find(name); v != nil {
		return v.listener.Addr().String()
	}
	return ""
}

func (s *Shop) find(name string) *service {
	for _, v := range s.services {
		if v.name == name {
			return v
		}
	}
	return nil
}

// Break gives a service a fault, or takes it away. It reports whether there is
// such a service and fault.
func (s *Shop) Break(name string, f Fault) bool {
	v := s.find(name)
	for _, known := range Faults() {
		if v != nil && known == f {
			v.fault.Store(f)
			return true
		}
	}
	return false
}

// FaultOf returns what is wrong with a service.
func (s *Shop) FaultOf(name string) Fault {
	if v := s.find(name); v != nil {
		return v.fault.Load().(Fault) //nolint:forcetypeassert // only Faults are stored
	}
	return NoFault
}

// Run serves and sends traffic until ctx ends.
func (s *Shop) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, v := range s.services {
		srv := &http.Server{Handler: v, ReadHeaderTimeout: 2 * time.Second}
		wg.Go(func() { _ = srv.Serve(v.listener) }) // ends with Close below
		defer srv.Close()                           //nolint:errcheck // the demo is over
	}
	s.traffic(ctx)
	for _, v := range s.services {
		if err := v.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
	}
	wg.Wait()
	return nil
}

func (s *Shop) close() error {
	var failed []error
	for _, v := range s.services {
		failed = append(failed, v.listener.Close())
	}
	return errors.Join(failed...)
}

// traffic views pages at a steady rate. A shop that hangs is not called
// without end: views beyond inFlight are skipped.
func (s *Shop) traffic(ctx context.Context) {
	front := "http://" + s.Addr("storefront")
	client := &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: inFlight}}
	free := make(chan struct{}, inFlight)
	tick := time.NewTicker(time.Second / perSecond)
	defer tick.Stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		path := "/"
		if n%perSecond < orders {
			path = "/order"
		}
		select {
		case free <- struct{}{}:
			wg.Go(func() {
				get(ctx, client, front+path)
				<-free
			})
		default:
		}
	}
}

// get reports whether url answered with a success.
func get(ctx context.Context, c *http.Client, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	res, err := c.Do(req)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	return errors.Join(err, res.Body.Close()) == nil && res.StatusCode == http.StatusOK
}

// ServeHTTP answers a page view, an order, or a scrape.
func (v *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := v.fault.Load()
	if fault == Down {
		panic(http.ErrAbortHandler) // net/http closes the connection and says nothing
	}
	if r.URL.Path == "/metrics" {
		v.metrics.ServeHTTP(w, r)
		return
	}
	start := time.Now()
	code := http.StatusOK
	if fault == Slow {
		hold(r.Context(), slowBy)
	}
	hold(r.Context(), time.Duration(2+rand.IntN(8))*time.Millisecond)
	switch {
	case fault == Errors && rand.Float64() < failShare:
		code = http.StatusInternalServerError
	case v.next != "" && r.URL.Path == "/order" && !get(r.Context(), v.client, v.next):
		code = http.StatusBadGateway
	}
	v.requests.WithLabelValues(strconv.Itoa(code)).Inc()
	v.duration.Observe(time.Since(start).Seconds())
	w.WriteHeader(code)
	io.WriteString(w, v.name+": "+http.StatusText(code)+"\n")
}

func hold(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
