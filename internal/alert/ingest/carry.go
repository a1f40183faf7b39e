package ingest

import (
	"context"
	"fmt"
	"time"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/event"
)

// Carried is a source with its keys in clear, on the way to another host.
type Carried struct {
	Source
	Keys Keys
}

// Export returns every source with its keys.
func (r *Registry) Export(ctx context.Context) (out []Carried, err error) {
	all, err := r.Store.Sources(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the sources: %w", err)
	}
	for _, s := range all {
		src, keys, err := r.Source(ctx, s.Name)
		if errs.KindOf(err) == errs.NotFound {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("read source %s: %w", s.Name, err)
		}
		out = append(out, Carried{src, keys})
	}
	return out, nil
}

// Import makes the sources of another host those of this one: the same keys are
// taken, sealed with this host's key. Nobody's silence is judged here: senders
// may know only the other host.
func (r *Registry) Import(ctx context.Context, all []Carried) error {
	want := map[string]bool{}
	for _, c := range all {
		want[c.Name] = true
		c.Every, c.SilentAt = 0, time.Time{}
		sealed, err := r.seal(c.Name, c.Keys)
		if err != nil {
			return err
		}
		_, err = r.Store.UpdateSource(ctx, c.Name, func(s *Source, k *Sealed) ([]event.Fact, error) {
			*s, *k = c.Source, sealed
			return nil, nil
		})
		if errs.KindOf(err) == errs.NotFound {
			err = r.Store.CreateSource(ctx, c.Source, sealed, nil)
		}
		if err != nil {
			return fmt.Errorf("take over source %s: %w", c.Name, err)
		}
	}
	have, err := r.Store.Sources(ctx)
	if err != nil {
		return fmt.Errorf("list the sources: %w", err)
	}
	for _, s := range have {
		if want[s.Name] {
			continue
		}
		if err := r.Store.DeleteSource(ctx, s.Name, nil); err != nil {
			return fmt.Errorf("remove source %s: %w", s.Name, err)
		}
	}
	return nil
}
