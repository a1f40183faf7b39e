package notifytest

import (
	"context"
	"sync"

	"github.com/hinoban/hinoban/internal/platform/errs"
	"github.com/hinoban/hinoban/internal/platform/notify"
)

// Box is an inbox.Box in memory.
type Box struct {
	inbox

	once sync.Mutex
}

// Put keeps m unless a fault is due.
func (b *Box) Put(ctx context.Context, address string, m notify.Message) error {
	b.once.Lock()
	defer b.once.Unlock()
	switch b.fault() {
	case Refuse:
		return errs.New(errs.NotFound, "nobody is called %s", address)
	case Forbid:
		return errs.New(errs.Denied, "the box of %s is closed", address)
	case Busy:
		return errs.New(errs.Unavailable, "database is busy")
	case Hang:
		<-ctx.Done()
		return ctx.Err()
	default:
	}
	d := Delivery{Key: m.ID, Address: address, Title: m.Title, Text: m.Body}
	for _, l := range m.Links {
		d.Links = append(d.Links, l.URL)
	}
	b.keep(d, true)
	return nil
}
