package handler

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/replica"
	"github.com/freshetdb/freshet/broker/txn"
	"github.com/freshetdb/freshet/storage/log"
	"github.com/freshetdb/freshet/storage/record"
)

// Versions of Produce at which its transactions change.
const (
	produceAbortable = 11 // knows TRANSACTION_ABORTABLE
	produceAdds      = 12 // the partition's leader adds the partition to the transaction (KIP-890); before, clients have
)

// appendTransactional appends a transactional batch after its partition takes part in the transaction: one question to the
// coordinator for the first batch of a transaction in a partition, none for the next.
func (p *production) appendTransactional(target *replica.Partition, from *kmsg.ProduceRequestTopicPartition, opts replica.AppendOptions, done func(replica.Appended)) {
	b := record.Batch(from.Records)
	adds := p.in.Version >= produceAdds
	opts.RequireJoin = true
	who := log.JoinRequest{ProducerID: b.ProducerID(), ProducerEpoch: b.ProducerEpoch(), Sequence: b.BaseSequence(), Strict: adds}
	tp := txn.TopicPartition{Topic: target.Topic(), Partition: target.Index()}
	ask := func(done func(error)) {
		p.h.include(txnVersion(adds), *p.in.TransactionID, who, tp, func(code coordinator.Code) {
			done(producedCode(code, p.in.Version))
		})
	}
	target.Join(who, ask, func(err error) {
		if err != nil {
			done(replica.Appended{Err: err})
			return
		}
		target.Append(b, opts, done)
	})
}

func txnVersion(adds bool) txn.Version {
	if adds {
		return txn.V2
	}
	return txn.V1
}

// include adds a partition to a transaction (V2), or asks whether its client has (V1).
func (h *Handler) include(v txn.Version, id string, who log.JoinRequest, tp txn.TopicPartition, done func(coordinator.Code)) {
	req := txn.AddRequest{
		ID: id, Producer: coordinator.Producer{ID: who.ProducerID, Epoch: who.ProducerEpoch},
		Partitions: []txn.TopicPartition{tp}, Version: v,
	}
	switch {
	case h.Transactions == nil:
		done(coordinator.NotAvailable)
	case v == txn.V2:
		h.Transactions.AddPartitions(req, done)
	default:
		h.Transactions.VerifyPartitions(req, func(codes []coordinator.Code) { done(codes[0]) })
	}
}

// producedCode gives a coordinator's answer as clients of a version of Produce understand it, nil for OK. Where they do not
// try again after a passing error, NOT_ENOUGH_REPLICAS makes them: it leads to no look-up of leaders, either.
func producedCode(code coordinator.Code, version int16) error {
	switch code {
	case coordinator.OK:
		return nil
	case coordinator.ProducerFenced:
		return kerr.InvalidProducerEpoch
	case coordinator.TransactionAbortable:
		if version < produceAbortable {
			return kerr.InvalidTxnState
		}
	case coordinator.ConcurrentTransactions:
		if version < produceAdds {
			return kerr.NotEnoughReplicas
		}
	case coordinator.LoadInProgress, coordinator.NotAvailable, coordinator.NotCoordinator, coordinator.RequestTimedOut:
		return kerr.NotEnoughReplicas
	}
	return kerr.ErrorForCode(int16(code))
}
