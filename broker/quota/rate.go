package quota

import (
	"slices"
	"time"
)

// Windows say how a rate is measured: over so many windows of such a size.
type Windows struct {
	Count int
	Size  time.Duration
}

// span is how long a whole set of windows lasts.
func (w Windows) span() time.Duration { return time.Duration(w.Count) * w.Size }

// rate measures what one subject used in the present window and those before it.
type rate struct {
	used []float64 // by window number modulo its length
	last int64     // number of the present window
}

// move makes the window of now the present one and forgets those that are too old.
func (r *rate) move(now time.Time, w Windows) {
	if len(r.used) != w.Count {
		r.used, r.last = make([]float64, w.Count), 0
	}
	number := now.UnixNano() / int64(w.Size)
	if number-r.last >= int64(w.Count) {
		clear(r.used)
	}
	for n := max(r.last+1, number-int64(w.Count)+1); n <= number; n++ {
		r.used[n%int64(w.Count)] = 0
	}
	r.last = max(r.last, number)
}

// add counts an amount and says how long to wait until the rate has fallen to limit per second; 0 while it is within.
func (r *rate) add(now time.Time, w Windows, amount, limit float64) time.Duration {
	r.move(now, w)
	r.used[r.last%int64(w.Count)] += amount
	total := 0.0
	for _, used := range r.used {
		total += used
	}
	// The present window counts as far as it has gone, those before it whole, also when nothing was measured in them (Kafka's Rate).
	elapsed := max(w.Size, time.Duration(w.Count-1)*w.Size+time.Duration(now.UnixNano()%int64(w.Size)))
	over := total - limit*elapsed.Seconds()
	if over <= 0 {
		return 0
	}
	return seconds(over / limit)
}

// take gives back an amount that was just added.
func (r *rate) take(now time.Time, w Windows, amount float64) {
	r.move(now, w)
	i := r.last % int64(w.Count)
	r.used[i] = max(0, r.used[i]-amount)
}

// idle tells whether nothing was used.
func (r *rate) idle(now time.Time, w Windows) bool {
	r.move(now, w)
	return !slices.ContainsFunc(r.used, func(used float64) bool { return used > 0 })
}

// bucket is a rate that may be saved up for a while: it holds tokens, each for one unit, and may owe some (KIP-599).
type bucket struct {
	tokens float64
	filled time.Time
}

func (b *bucket) fill(now time.Time, w Windows, limit float64) {
	most := limit * w.span().Seconds()
	if b.filled.IsZero() {
		b.tokens = most
	}
	b.tokens = min(most, b.tokens+limit*now.Sub(b.filled).Seconds())
	b.filled = now
}

// owed is how long it takes until nothing is owed.
func (b *bucket) owed(limit float64) time.Duration {
	if b.tokens >= 0 {
		return 0
	}
	return seconds(-b.tokens / limit)
}

// throttleMax bounds one wait, so that a mistyped quota doesn't silence clients for days.
const throttleMax = time.Hour

func seconds(s float64) time.Duration {
	if s >= throttleMax.Seconds() {
		return throttleMax
	}
	return time.Duration(s * float64(time.Second))
}
