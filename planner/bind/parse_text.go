package bind

import (
	"errors"

	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// parseText reads an untyped literal as a type, with Postgres' words when it cannot be.
func (b *Binder) parseText(t types.Type, text string) (vector.Datum, error) {
	zone, err := vector.Zone(b.TimeZone)
	if err != nil {
		zone = nil
	}
	d, err := vector.ParseText(t, text, zone)
	switch {
	case err == nil:
		return d, nil
	case errors.Is(err, vector.ErrRange) && (t.ID == types.Timestamp || t.ID == types.Date || t.ID == types.Time || t.ID == types.Interval):
		return d, sqlerr.Newf(sqlerr.DatetimeOverflow, 0, "date/time field value out of range: %q", text)
	case errors.Is(err, vector.ErrRange):
		return d, sqlerr.Newf(sqlerr.NumericOutOfRange, 0, "value %q is out of range for type %s", text, t.String())
	case t.ID == types.Timestamp || t.ID == types.Date || t.ID == types.Time || t.ID == types.Interval:
		return d, sqlerr.Newf(sqlerr.InvalidDatetimeFormat, 0, "invalid input syntax for type %s: %q", t.String(), text)
	}
	return d, sqlerr.Newf(sqlerr.InvalidTextRepresentation, 0, "invalid input syntax for type %s: %q", t.String(), text)
}
