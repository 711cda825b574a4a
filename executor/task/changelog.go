package task

import (
	"sync"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/executor/state"
	"github.com/freshetdb/freshet/storage/record"
)

// changelog writes a store's dirty entries into batches of its topic. The task's goroutine writes; acknowledgements come from any.
type changelog struct {
	topic  string
	outbox *outbox
	parts  [state.ChangelogPartitions]*record.Builder

	mu      sync.Mutex
	at      state.Positions // guarded by mu: after the last batch acknowledged
	written int64           // guarded by mu: bytes acknowledged since the last dump began
}

func newChangelog(topic string, out *outbox) *changelog {
	c := &changelog{topic: topic, outbox: out}
	for i := range c.parts {
		c.parts[i] = record.NewBuilder(record.None)
	}
	return c
}

// Write implements state.ChangelogWriter.
func (c *changelog) Write(partition int32, key, value []byte) error {
	b := c.parts[partition]
	b.Append(0, key, value, nil)
	if b.Len() < sinkBatchBytes {
		return nil
	}
	return c.close(partition)
}

func (c *changelog) close(partition int32) error {
	return c.outbox.post(client.TopicPartition{Topic: c.topic, Partition: partition}, c.parts[partition])
}

// flush closes every partition's batch.
func (c *changelog) flush() error {
	for p, b := range c.parts {
		if b.Count() == 0 {
			continue
		}
		if err := c.close(int32(p)); err != nil {
			return err
		}
	}
	return nil
}

// acked notes where a batch of ours has been appended.
func (c *changelog) acked(b Batch, base int64) {
	next := base + int64(record.Batch(b.Bytes).Count())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at[b.To.Partition] = max(c.at[b.To.Partition], next)
	c.written += int64(len(b.Bytes))
}

func (c *changelog) positions() state.Positions {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// restored sets where the changelog was read up to, and how much of it a restart had to read.
func (c *changelog) restored(at state.Positions, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.written = at, bytes
}

// takeWritten returns the bytes since the last dump and begins to count anew, when there are at least least.
func (c *changelog) takeWritten(least int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.written < least {
		return false
	}
	c.written = 0
	return true
}
