package log

import (
	"cmp"
	"slices"

	"github.com/freshetdb/freshet/storage/record"
)

// cleanTxns follows the transactions of a log while it is cleaned from its start on: whose data to drop, and which markers
// and index entries are still needed. Source: Kafka, CleanedTransactionMetadata.
type cleanTxns struct {
	aborted   []AbortedTxn // ascending by first offset; those not begun yet
	ongoing   map[int64]*cleanTxn
	committed map[int64]bool // producers with data and no marker yet
}

// cleanTxn is an aborted transaction under way; observed tells that data of it was still there.
type cleanTxn struct {
	AbortedTxn
	observed bool
}

func newCleanTxns(aborted []AbortedTxn) *cleanTxns {
	aborted = slices.Clone(aborted)
	slices.SortFunc(aborted, func(a, b AbortedTxn) int { return cmp.Compare(a.FirstOffset, b.FirstOffset) })
	return &cleanTxns{aborted: aborted, ongoing: map[int64]*cleanTxn{}, committed: map[int64]bool{}}
}

// upTo begins the aborted transactions whose first record is at offset or before.
func (t *cleanTxns) upTo(offset int64) {
	for len(t.aborted) > 0 && t.aborted[0].FirstOffset <= offset {
		t.ongoing[t.aborted[0].ProducerID] = &cleanTxn{AbortedTxn: t.aborted[0]}
		t.aborted = t.aborted[1:]
	}
}

// data takes in a batch of records and tells whether its transaction was aborted.
func (t *cleanTxns) data(b record.Batch) (drop bool) {
	t.upTo(b.LastOffset())
	if !b.Transactional() {
		return false
	}
	if txn := t.ongoing[b.ProducerID()]; txn != nil {
		if b.BaseOffset() <= txn.LastOffset {
			txn.observed = true
			return true
		}
		delete(t.ongoing, b.ProducerID()) // its marker lies before where this began
	}
	t.committed[b.ProducerID()] = true
	return false
}

// marker takes in a transaction's marker and tells whether no data is left of it; kept is the aborted transaction
// that readers still have to know of.
func (t *cleanTxns) marker(b record.Batch, m record.Marker) (needless bool, kept *AbortedTxn) {
	t.upTo(b.LastOffset())
	id := b.ProducerID()
	if m.Commit {
		needless = !t.committed[id]
		delete(t.committed, id)
		return needless, nil
	}
	txn := t.ongoing[id]
	delete(t.ongoing, id)
	if txn == nil || !txn.observed {
		return true, nil
	}
	return false, &txn.AbortedTxn
}
