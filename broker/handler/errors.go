package handler

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/quorum"
	"github.com/freshetdb/freshet/broker/replica"
	"github.com/freshetdb/freshet/storage/log"
	"github.com/freshetdb/freshet/storage/record"
)

// translation says which Kafka error a Go error is on the wire.
type translation struct {
	is    error
	kafka *kerr.Error
}

// translations are looked through in order: the narrower error first.
var translations = []translation{
	{replica.ErrUnknownPartition, kerr.UnknownTopicOrPartition},
	{replica.ErrUnknownTopicID, kerr.UnknownTopicID},
	{replica.ErrNotLeader, kerr.NotLeaderForPartition},
	{replica.ErrFencedLeaderEpoch, kerr.FencedLeaderEpoch},
	{replica.ErrUnknownLeaderEpoch, kerr.UnknownLeaderEpoch},
	{replica.ErrNotEnoughReplicas, kerr.NotEnoughReplicas},
	{replica.ErrTimedOut, kerr.RequestTimedOut},
	{replica.ErrStorage, kerr.KafkaStorageError},
	{log.ErrOffsetOutOfRange, kerr.OffsetOutOfRange},
	{log.ErrOutOfOrderSequence, kerr.OutOfOrderSequenceNumber},
	{log.ErrProducerFenced, kerr.InvalidProducerEpoch},
	{log.ErrCoordinatorFenced, kerr.TransactionCoordinatorFenced},
	{log.ErrInvalidTxnState, kerr.InvalidTxnState},
	{log.ErrInvalidTimestamp, kerr.InvalidTimestamp},
	{log.ErrNoSpace, kerr.KafkaStorageError},
	{log.ErrDiskDead, kerr.KafkaStorageError},
	{log.ErrClosed, kerr.KafkaStorageError},
	{record.ErrTooLarge, kerr.MessageTooLarge},
	{record.ErrUnsupportedMagic, kerr.UnsupportedForMessageFormat},
	{record.ErrUnsupportedCodec, kerr.UnsupportedCompressionType},
	{record.ErrInvalid, kerr.InvalidRecord},
	{record.ErrCorrupt, kerr.CorruptMessage},
	{quorum.ErrNotLeader, kerr.NotController},
	{quorum.ErrUnknownOutcome, kerr.RequestTimedOut},
	{quorum.ErrClosed, kerr.BrokerNotAvailable},
}

// kafkaError finds the Kafka error of err: nil for nil, UNKNOWN_SERVER_ERROR for what has no better name.
func kafkaError(err error) *kerr.Error {
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*kerr.Error](err); ok {
		return known
	}
	if code, ok := errors.AsType[coordinator.Code](err); ok {
		if known, ok := errors.AsType[*kerr.Error](kerr.ErrorForCode(int16(code))); ok {
			return known
		}
	}
	for _, t := range translations {
		if errors.Is(err, t.is) {
			return t.kafka
		}
	}
	return kerr.UnknownServerError
}

// code is the number of err on the wire, 0 for nil. Errors nobody foresaw are logged, since clients only see -1.
func (h *Handler) code(err error) int16 {
	k := kafkaError(err)
	if k == nil {
		return 0
	}
	if k == kerr.UnknownServerError {
		h.Logger.Error("request failed", "err", err)
	}
	return k.Code
}

// refusal gives code and message of a controller's refusal, 0 and nil for none.
func refusal(err *controller.Error) (int16, *string) {
	if err == nil {
		return 0, nil
	}
	return err.Kafka.Code, &err.Message
}

// failure gives code and message of any error, 0 and nil for none.
func (h *Handler) failure(err error) (int16, *string) {
	if err == nil {
		return 0, nil
	}
	text := err.Error()
	return h.code(err), &text
}
