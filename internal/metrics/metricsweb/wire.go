package metricsweb

import (
	"errors"
	"math"

	"github.com/prometheus/prometheus/prompb"
	"google.golang.org/protobuf/encoding/protowire"
)

// This file decodes the message of remote write 1.0, of which there is more
// than of everything else together. The generated decoder makes a string of
// each name and value and a slice of each list, which was half of the time of a
// write; here all strings are cut from one copy of the body, and the lists are
// used again from series to series.

var (
	errWire  = errors.New("not the wire format of protobuf")
	errField = errors.New("a field has the wrong type")
	errGroup = errors.New("a group, which proto3 has not")
)

// cursor reads the fields of one message. b and s hold the same bytes.
type cursor struct {
	b []byte
	s string
}

// field is one field of a message: a number, or the bytes of a string or of
// another message.
type field struct {
	num  int
	kind protowire.Type
	u    uint64
	sub  cursor
}

// next returns the next field and moves on.
func (c *cursor) next() (field, error) {
	num, kind, n := protowire.ConsumeTag(c.b)
	if n < 0 {
		return field{}, errWire
	}
	c.skip(n)
	f := field{num: int(num), kind: kind}
	switch kind {
	case protowire.VarintType:
		f.u, n = protowire.ConsumeVarint(c.b)
	case protowire.Fixed64Type:
		f.u, n = protowire.ConsumeFixed64(c.b)
	case protowire.BytesType:
		var size uint64
		if size, n = protowire.ConsumeVarint(c.b); n < 0 || size > uint64(len(c.b)-n) {
			return field{}, errWire
		}
		end := n + int(size)
		f.sub = cursor{c.b[n:end], c.s[n:end]}
		n = end
	case protowire.Fixed32Type:
		_, n = protowire.ConsumeFixed32(c.b)
	default:
		return field{}, errGroup
	}
	if n < 0 {
		return field{}, errWire
	}
	c.skip(n)
	return f, nil
}

func (c *cursor) skip(n int) { c.b, c.s = c.b[n:], c.s[n:] }

// each calls fn with each field of the message.
func (c cursor) each(fn func(field) error) error {
	for len(c.b) > 0 {
		f, err := c.next()
		if err != nil {
			return err
		}
		if err := fn(f); err != nil {
			return err
		}
	}
	return nil
}

// seriesV1 is one prometheus.TimeSeries. Its lists are only valid until the
// next one; its strings stay.
type seriesV1 struct {
	labels     []prompb.Label
	samples    []prompb.Sample
	exemplars  []prompb.Exemplar
	histograms []prompb.Histogram
}

// decodeV1 calls series and about with what a prometheus.WriteRequest holds,
// in its order, until one of them fails or the message ends.
func decodeV1(body []byte, series func(*seriesV1) error, about func(*prompb.MetricMetadata)) error {
	var ts seriesV1
	return cursor{body, string(body)}.each(func(f field) error {
		switch f.num {
		case 1:
			if f.kind != protowire.BytesType {
				return errField
			}
			if err := ts.decode(f.sub); err != nil {
				return err
			}
			return series(&ts)
		case 3:
			var m prompb.MetricMetadata
			if f.kind != protowire.BytesType {
				return errField
			}
			if err := m.Unmarshal(f.sub.b); err != nil {
				return err
			}
			about(&m)
		}
		return nil
	})
}

func (ts *seriesV1) decode(c cursor) error {
	ts.labels, ts.samples, ts.exemplars, ts.histograms = ts.labels[:0], ts.samples[:0], ts.exemplars[:0], ts.histograms[:0]
	for len(c.b) > 0 {
		f, err := c.next()
		if err != nil {
			return err
		}
		if f.num >= 1 && f.num <= 4 && f.kind != protowire.BytesType {
			return errField
		}
		switch f.num {
		case 1:
			err = ts.label(f.sub)
		case 2:
			err = ts.sample(f.sub)
		case 3: // rare: the generated decoder will do
			ts.exemplars = append(ts.exemplars, prompb.Exemplar{})
			err = ts.exemplars[len(ts.exemplars)-1].Unmarshal(f.sub.b)
		case 4:
			ts.histograms = append(ts.histograms, prompb.Histogram{})
			err = ts.histograms[len(ts.histograms)-1].Unmarshal(f.sub.b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (ts *seriesV1) label(c cursor) error {
	var l prompb.Label
	for len(c.b) > 0 {
		f, err := c.next()
		if err != nil {
			return err
		}
		if (f.num == 1 || f.num == 2) && f.kind != protowire.BytesType {
			return errField
		}
		switch f.num {
		case 1:
			l.Name = f.sub.s
		case 2:
			l.Value = f.sub.s
		}
	}
	ts.labels = append(ts.labels, l)
	return nil
}

func (ts *seriesV1) sample(c cursor) error {
	var s prompb.Sample
	for len(c.b) > 0 {
		f, err := c.next()
		if err != nil {
			return err
		}
		switch {
		case f.num == 1 && f.kind == protowire.Fixed64Type:
			s.Value = math.Float64frombits(f.u)
		case f.num == 2 && f.kind == protowire.VarintType:
			s.Timestamp = int64(f.u)
		case f.num == 1 || f.num == 2:
			return errField
		}
	}
	ts.samples = append(ts.samples, s)
	return nil
}
