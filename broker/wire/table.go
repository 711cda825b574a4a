package wire

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Handler serves a request: it must end with exactly one of Request's Reply, ReplyWith, ReplyNothing or Abort, now or later and
// from any goroutine. It runs on the connection's reader, so it must not wait for other clients. ctx ends when the
// connection is lost or the listener drains; a parked request should answer then.
type Handler func(ctx context.Context, req *Request)

// API is one row of the version table.
type API struct {
	Key int16
	// Min and Max are the versions served.
	Min, Max int16
	// AdvertisedMin is what ApiVersions shows as the lowest, when it must differ from Min (KAFKA-18659 for Produce).
	AdvertisedMin int16
	// Hidden keeps the API out of ApiVersions.
	Hidden bool
	Serve  Handler
}

// Versions is the table of served APIs.
type Versions struct {
	rows  []API // by key
	byKey map[int16]*API
	// layouts are by key too.
	layouts map[int16]*layouts
}

// NewVersions makes a table. It panics on a key named twice or unknown to kmsg, which is a mistake in this program.
func NewVersions(rows []API) *Versions {
	v := &Versions{rows: slices.Clone(rows), byKey: make(map[int16]*API, len(rows)), layouts: make(map[int16]*layouts, len(rows))}
	slices.SortFunc(v.rows, func(a, b API) int { return cmp.Compare(a.Key, b.Key) })
	for i := range v.rows {
		row := &v.rows[i]
		if v.byKey[row.Key] != nil || kmsg.RequestForKey(row.Key) == nil {
			panic(fmt.Sprintf("wire: API key %d is named twice or unknown", row.Key))
		}
		v.byKey[row.Key] = row
		v.layouts[row.Key] = newLayouts(row.Key, row.Min, row.Max)
	}
	return v
}

// Rows lists the table by key; not to be changed.
func (v *Versions) Rows() []API { return v.rows }

// layout is the shape of requests that lookup finds a row for.
func (v *Versions) layout(key, version int16) *requestLayout { return v.layouts[key].of(version) }

// lookup finds the row that serves key at version, and whether the key is served at all.
func (v *Versions) lookup(key, version int16) (row *API, known bool) {
	row = v.byKey[key]
	if row == nil {
		return nil, false
	}
	if version < row.Min || version > row.Max {
		return nil, true
	}
	return row, true
}
