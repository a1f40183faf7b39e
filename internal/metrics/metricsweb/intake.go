package metricsweb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"github.com/hinoban/hinoban/internal/metrics/promstore"
	"github.com/hinoban/hinoban/internal/platform/errs"
)

// maxReasons is how many refusals an answer spells out.
const maxReasons = 8

// intake is one write request on its way into the store: what was taken, what
// was refused, and why.
type intake struct {
	batch      *promstore.Batch
	limit      int // samples
	floats     int
	histograms int
	refused    int // samples
	reasons    []string
	more       int // reasons that are not spelled out
}

func (a *api) intake(ctx context.Context) (*intake, error) {
	b, err := a.Store.Batch(ctx)
	if err != nil {
		return nil, err
	}
	return &intake{batch: b, limit: a.Store.Limits().MaxBatch}, nil
}

// refuse notes that n samples were refused; n may be 0 for what is no sample.
func (in *intake) refuse(n int, err error) {
	in.refused += n
	if len(in.reasons) < maxReasons {
		in.reasons = append(in.reasons, err.Error())
	} else {
		in.more++
	}
}

// why returns the reasons of all refusals, or "" when there was none.
func (in *intake) why() string {
	s := strings.Join(in.reasons, "\n")
	if in.more > 0 {
		s += fmt.Sprintf("\nand %d more", in.more)
	}
	return s
}

var errTooMany = errors.New("more samples in one request than the limit")

// series adds the samples of one series, oldest first. Only an error that
// dooms the whole request comes back.
func (in *intake) series(ls labels.Labels, samples ...promstore.Sample) error {
	var ref storage.SeriesRef
	for i, x := range samples {
		if in.floats+in.histograms+in.refused >= in.limit {
			return errTooMany
		}
		// The TSDB compares with what is committed, not with what comes along.
		if i > 0 && x.T == samples[i-1].T {
			in.refuse(1, fmt.Errorf("%s: two samples for %d ms: %w", ls, x.T, storage.ErrDuplicateSampleForTimestamp))
			continue
		}
		got, err := in.batch.Add(ref, ls, x)
		switch {
		case err == nil:
			ref = got
			in.took(x)
		case errs.KindOf(err) == errs.Invalid:
			in.refuse(1, err)
		default:
			return err
		}
	}
	return nil
}

func (in *intake) took(x promstore.Sample) {
	if x.H != nil || x.FH != nil {
		in.histograms++
	} else {
		in.floats++
	}
}
