package handler

import "github.com/freshetdb/freshet/broker/wire"

// API keys of producers and transactions.
const (
	keyInitProducerID       = 22
	keyAddPartitionsToTxn   = 24
	keyAddOffsetsToTxn      = 25
	keyEndTxn               = 26
	keyWriteTxnMarkers      = 27
	keyTxnOffsetCommit      = 28
	keyDescribeProducers    = 61
	keyDescribeTransactions = 65
	keyListTransactions     = 66
)

// transactionAPIs are the rows of the version table the transaction coordinator serves. InitProducerID ends below the version
// that means two-phase commit (KIP-939).
func (h *Handler) transactionAPIs() []wire.API {
	if h.Groups == nil || h.Transactions == nil {
		return nil
	}
	return []wire.API{
		{Key: keyInitProducerID, Min: 0, Max: 5, Serve: h.initProducerID},
		{Key: keyAddPartitionsToTxn, Min: 0, Max: 5, Serve: h.addPartitionsToTxn},
		{Key: keyAddOffsetsToTxn, Min: 0, Max: 4, Serve: h.addOffsetsToTxn},
		{Key: keyEndTxn, Min: 0, Max: 5, Serve: h.endTxn},
		{Key: keyWriteTxnMarkers, Min: 1, Max: 2, AdvertisedMin: 1, Serve: h.writeTxnMarkers},
		{Key: keyTxnOffsetCommit, Min: 0, Max: 5, Serve: h.txnOffsetCommit},
		{Key: keyDescribeProducers, Min: 0, Max: 0, Serve: h.describeProducers},
		{Key: keyDescribeTransactions, Min: 0, Max: 0, Serve: h.describeTransactions},
		{Key: keyListTransactions, Min: 0, Max: 2, Serve: h.listTransactions},
	}
}
