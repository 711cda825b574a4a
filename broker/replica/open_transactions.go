package replica

import (
	"context"
	"errors"

	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/storage/log"
)

// OpenTransaction is a transaction that a partition of this node holds open.
type OpenTransaction struct {
	metadata.TopicPartition
	log.OpenTransaction
}

// OpenTransactions lists the open transactions of the partitions this node leads, of one producer id or (-1) of all. It
// opens every log that has a directory.
func (m *Manager) OpenTransactions(ctx context.Context, producerID int64) ([]OpenTransaction, error) {
	var found []OpenTransaction
	var scratch []log.OpenTransaction
	for _, p := range m.Partitions() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		l, err := p.openExisting()
		if errors.Is(err, ErrUnknownPartition) || l == nil {
			continue
		}
		scratch = l.OpenTransactions(scratch[:0])
		for _, t := range scratch {
			if producerID < 0 || t.ProducerID == producerID {
				tp := metadata.TopicPartition{Topic: p.topic, Partition: p.index}
				found = append(found, OpenTransaction{TopicPartition: tp, OpenTransaction: t})
			}
		}
	}
	return found, nil
}

// openExisting is open for partitions that were ever written to; others give nil, as do those whose log is broken: what
// they hold can't be ended before they are repaired.
func (p *Partition) openExisting() (*log.Log, error) {
	if l := p.log.Load(); l != nil {
		return l, nil
	}
	if !p.state.Load().leads {
		return nil, nil
	}
	if _, err := p.m.opts.FS.Stat(p.dir); err != nil {
		return nil, nil //nolint:nilerr // nothing was ever written
	}
	l, err := p.open()
	if errors.Is(err, ErrStorage) {
		return nil, nil
	}
	return l, err
}

// Producers lists the idempotent producers the partition remembers, by id.
func (p *Partition) Producers() ([]log.ProducerState, error) {
	l, err := p.open()
	if err != nil {
		return nil, err
	}
	return l.Producers(nil), nil
}
