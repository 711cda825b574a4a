package replica

import "time"

// settleMax is how long a question for a partition's end may wait for what is being synced.
const settleMax = time.Second

// Settle waits until the high watermark has passed everything that was appended before the call, which takes a sync round at most, or until a second
// is over. Whoever asks where a partition ends after an append with acks=1 was answered finds its record: in Kafka, whose
// lone leader moves the high watermark as it appends, it always does.
func (p *Partition) Settle() {
	end, err := p.EndOffset()
	if err != nil || p.highWatermark.Load() >= end {
		return
	}
	moved := make(chan struct{}, 1)
	w := &watcher{moved: func() {
		select {
		case moved <- struct{}{}:
		default:
		}
	}}
	p.watch(w)
	defer w.cancel()
	timer := time.NewTimer(settleMax)
	defer timer.Stop()
	for p.highWatermark.Load() < end {
		select {
		case <-moved:
		case <-timer.C:
			return
		}
	}
}
