package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/hinoban/hinoban/internal/alert/alertdb"
	"github.com/hinoban/hinoban/internal/alert/alertweb"
	"github.com/hinoban/hinoban/internal/alert/ingest"
	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/httpc"
	"github.com/hinoban/hinoban/internal/platform/httpd"
	"github.com/hinoban/hinoban/internal/platform/id"
	"github.com/hinoban/hinoban/internal/platform/module"
	"github.com/hinoban/hinoban/internal/platform/run"
	"github.com/hinoban/hinoban/internal/platform/secret"
	"github.com/hinoban/hinoban/internal/platform/webkit"
)

// wireIngest is the part of the room alert that hears other products. Its tables
// are the room's.
func (a *App) wireIngest() module.Module {
	o := ingest.Options{
		Store: alertdb.New(a.db, a.bus, id.New), Inbox: a.inbox, Now: a.now, Started: a.now().UTC(), NewID: id.New, NewKey: newSourceKey,
		Sealer: &lateSealer{open: sync.OnceValues(func() (*secret.Sealer, error) { return secret.Open(filepath.Join(a.cfg.Data, "secret.key")) })},
		Fetch:  fetcher(httpc.New(httpc.Options{Timeout: 10 * time.Second})),
	}
	if a.tsdb != nil {
		o.Samples = a.tsdb
	}
	a.sources = ingest.NewRegistry(o)
	deps := func(kit *webkit.Kit) alertweb.SourceDeps {
		return alertweb.SourceDeps{Kit: kit, Log: a.log, Now: a.now, Registry: a.sources, Catalog: a.catalog, BaseURL: a.cfg.BaseURL}
	}
	return module.Module{
		Name: "alert.sources", Routes: slices.Concat(alertweb.SourceProtocols(a.log, a.now, a.sources), alertweb.OpsgenieProtocol(a.log, a.now, id.New, a.sources)),
		API:   func(api *httpd.API) { alertweb.SourceAPI(api, deps(nil)) },
		Pages: func(kit *webkit.Kit, _ []module.Panel) []httpd.Route { return alertweb.SourceRoutes(deps(kit)) },
		Loops: []run.Loop{{Name: "alert.silence", Every: 5 * time.Second, Do: a.sources.Sweep}},
	}
}

// changeSender finds the source whose key a change event of PagerDuty's protocol brings.
func (a *App) changeSender(ctx context.Context, key string) (name, service string, ok bool) {
	src, _, err := a.sources.Find(ctx, key, ingest.PagerDuty)
	return src.Name, src.Service, err == nil && src.State() != ingest.Paused
}

// newSourceKey is 128 bits of chance, in hexadecimal: as long as PagerDuty's keys.
func newSourceKey() string {
	b := make([]byte, ingest.KeyLength/2)
	_, _ = rand.Read(b) // it never fails: without randomness the program ends
	return hex.EncodeToString(b)
}

// lateSealer opens the key of the data folder when it is needed first.
type lateSealer struct {
	open func() (*secret.Sealer, error)
}

// Seal implements ingest.Sealer.
func (l *lateSealer) Seal(plain, context string) (string, error) {
	s, err := l.open()
	if err != nil {
		return "", err
	}
	return s.Seal(plain, context)
}

// Unseal implements ingest.Sealer.
func (l *lateSealer) Unseal(sealed, context string) (string, error) {
	s, err := l.open()
	if err != nil {
		return "", err
	}
	return s.Unseal(sealed, context)
}

const maxFetched = 64 << 10 // bytes of a certificate, or of the answer to a confirmation

// fetcher gets small documents.
func fetcher(client *http.Client) func(context.Context, string) ([]byte, error) {
	return func(ctx context.Context, address string) ([]byte, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
		if err != nil {
			return nil, errs.New(errs.Invalid, "address: %w", err)
		}
		resp, err := client.Do(req)
		if err != nil {
			return nil, errs.New(errs.Unavailable, "%w", err)
		}
		defer func() { _ = resp.Body.Close() }() // it was read
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxFetched))
		if err != nil || resp.StatusCode != http.StatusOK {
			return nil, errs.New(errs.Unavailable, "%s answered %s", req.URL.Host, resp.Status)
		}
		return body, nil
	}
}
