package task

import (
	"context"
	"errors"
	"sync"

	"github.com/freshetdb/freshet/broker/client"
)

// ErrGone is what waiting for a task's progress ends with when the task was closed: failed, stopped or replaced.
var ErrGone = errors.New("the query is not running")

// progress is how far a task's commits have come, for those who wait.
type progress struct {
	mu     sync.Mutex
	at     map[client.TopicPartition]int64 // guarded by mu
	moved  chan struct{}                   // guarded by mu; closed at the next announcement
	closed bool                            // guarded by mu
}

// commit notes committed positions.
func (p *progress) commit(at map[client.TopicPartition]int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at == nil {
		p.at = map[client.TopicPartition]int64{}
	}
	for tp, offset := range at {
		p.at[tp] = max(p.at[tp], offset)
	}
}

// announce wakes the waiting.
func (p *progress) announce() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.moved != nil {
		close(p.moved)
		p.moved = nil
	}
}

func (p *progress) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.announce()
}

// wait returns once every offset has been reached.
func (p *progress) wait(ctx context.Context, offsets map[client.TopicPartition]int64) error {
	for {
		moved, done, err := p.look(offsets)
		if done || err != nil {
			return err
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p *progress) look(offsets map[client.TopicPartition]int64) (moved <-chan struct{}, done bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	done = true
	for tp, offset := range offsets {
		done = done && p.at[tp] >= offset
	}
	if done {
		return nil, true, nil
	}
	if p.closed {
		return nil, false, ErrGone
	}
	if p.moved == nil {
		p.moved = make(chan struct{})
	}
	return p.moved, false, nil
}
