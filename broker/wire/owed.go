package wire

import "time"

const (
	// answerShare: one answer may take this part of the room that is left for answers, so that many clients never fill it.
	answerShare = 4
	// answerMin is what an answer may take even when no room is left: everybody gets on.
	answerMin = 64 << 10
	// crowdedTimeout is how long a client may take over an answer when there is no room for the answers of others.
	crowdedTimeout = 30 * time.Second
	// pressEvery is the least time between two looks for clients that don't take their answers.
	pressEvery = time.Second
)

// TakeRoom sets memory aside for an answer that is made now, at most most bytes, and tells how much. It is less while clients don't take what they
// asked for, but never below 64 KiB. What isn't needed is given back with GiveRoom at once, the rest when the answer was handed over (it is counted by
// itself from then on) or thrown away.
func (c *Conn) TakeRoom(most int) int {
	for {
		owed := c.l.owed.Load()
		room := min(most, max(answerMin, int((c.l.opts.OwedMax-owed)/answerShare)))
		if c.l.owed.CompareAndSwap(owed, owed+int64(room)) {
			return room
		}
	}
}

// GiveRoom gives back what TakeRoom set aside, all of it or a part.
func (c *Conn) GiveRoom(bytes int) { c.l.owed.Add(-int64(bytes)) }

// crowded tells whether the answers not sent yet take all the memory they may.
func (l *Listener) crowded() bool { return l.owed.Load() > l.opts.OwedMax }

// owe counts n bytes of an answer that waits to be sent, and that were sent when negative. The caller holds no lock.
func (l *Listener) owe(n int) {
	if l.owed.Add(int64(n)) <= l.opts.OwedMax || n <= 0 {
		return
	}
	now, last := time.Now(), l.pressed.Load()
	if now.UnixNano()-last >= int64(pressEvery) && l.pressed.CompareAndSwap(last, now.UnixNano()) {
		l.press(now)
	}
}

// press sets a time to every client that owes us the reading of an answer.
func (l *Listener) press(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		c.mu.Lock()
		owes := c.owed > 0
		c.mu.Unlock()
		if owes {
			// A socket that refuses is closed already.
			_ = c.nc.SetWriteDeadline(now.Add(min(crowdedTimeout, l.opts.IdleTimeout)))
		}
	}
}

// sendTimeout is how long a client may take over what is sent next.
func (l *Listener) sendTimeout() time.Duration {
	if l.crowded() {
		return min(crowdedTimeout, l.opts.IdleTimeout)
	}
	return l.opts.IdleTimeout
}
