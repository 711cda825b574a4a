package task

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// TestEventClock follows testdata/clock. Times are in ms; wall clock "now" counts from the clock's making.
func TestEventClock(t *testing.T) {
	began := time.UnixMilli(1_700_000_000_000)
	var c *eventClock
	datadriven.RunTest(t, "testdata/clock", func(t *testing.T, d *datadriven.TestData) string {
		arg := func(key string) (n int64) {
			if d.HasArg(key) {
				d.ScanArgs(t, key, &n)
			}
			return n
		}
		now := began.Add(time.Duration(arg("now")) * time.Millisecond)
		part := int(arg("part"))
		switch d.Cmd {
		case "new":
			watermark := int64(math.MinInt64)
			if d.HasArg("watermark") {
				watermark = arg("watermark")
			}
			c = newEventClock(int(arg("partitions")), time.Duration(arg("idle"))*time.Millisecond, watermark, began)
		case "saw":
			c.saw(part, arg("max"), now)
		case "at-end":
			c.atEnd(part)
		case "advance":
			watermark, moved := c.advance(now)
			return fmt.Sprintf("%s moved=%v\n", instant(watermark), moved)
		case "stream":
			s := c.stream(part, now)
			return fmt.Sprintf("own=%s others=%s\n", instant(s.Own), instant(s.Others))
		default:
			d.Fatalf(t, "unknown command %s", d.Cmd)
		}
		return ""
	})
}

func instant(ms int64) string {
	switch ms {
	case math.MinInt64:
		return "none"
	case math.MaxInt64:
		return "nobody"
	}
	return fmt.Sprint(ms)
}
