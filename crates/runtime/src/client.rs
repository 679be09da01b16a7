//! The calls into librdkafka that `rdkafka` makes too slowly or not at all.
//!
//! - [`poll`] gives rebalances as values, on the polling thread, so that "commit, then give back" is ordinary code; and
//!   it keeps the offset of an end-of-partition event, which alone tells that the position has passed control records.
//! - [`commit`] commits without `rdkafka`'s own flush, which waits in whole steps of 100 ms.
//! - [`send_offsets`] can commit for a group that the consumer is not a member of.

use crate::error::KafkaFailure;
use baton_records::Timestamp;
use baton_stream::{Header, Input, Topic};
use rdkafka::TopicPartitionList;
use rdkafka::bindings as sys;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use std::ffi::{CStr, CString, c_char};
use std::ptr::{self, NonNull};
use std::time::Duration;

/// A consumer's queue of records and events.
pub struct Queue(NonNull<sys::rd_kafka_queue_t>);

// SAFETY: librdkafka's queues lock themselves: any thread may poll and destroy them.
unsafe impl Send for Queue {}

impl Queue {
    /// Returns the queue of a consumer, which must outlive it.
    pub fn of<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> Option<Self> {
        // SAFETY: the client is alive; the returned reference is ours and destroyed in drop.
        NonNull::new(unsafe { sys::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) }).map(Self)
    }

    /// Tells whether nothing stands in it.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        // SAFETY: the queue is alive.
        unsafe { sys::rd_kafka_queue_length(self.0.as_ptr()) == 0 }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: the reference is ours.
        unsafe { sys::rd_kafka_queue_destroy(self.0.as_ptr()) }
    }
}

/// An event that is ours until dropped.
struct Event(NonNull<sys::rd_kafka_event_t>);

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: the event is ours.
        unsafe { sys::rd_kafka_event_destroy(self.0.as_ptr()) }
    }
}

/// A topic and a partition.
pub type TopicPartition = (String, i32);

/// What a poll gave.
pub enum Polled {
    /// A record.
    Record(Fetched),
    /// The position has reached this offset, which is the end for a `read_committed` reader.
    End(TopicPartition, i64),
    /// The group gives these partitions; they are not assigned yet.
    Assigned(Vec<TopicPartition>),
    /// The group takes these partitions; they are still assigned.
    Revoked(Vec<TopicPartition>),
    /// An error; `fatal` ones do not go away.
    Failed(KafkaFailure),
    /// Nothing came in time, or something that needs no answer.
    Nothing,
}

/// A record, in librdkafka's memory.
pub struct Fetched {
    message: NonNull<sys::rd_kafka_message_t>,
    /// Its headers.
    pub headers: Vec<Header>,
    _event: Event,
}

impl Fetched {
    fn message(&self) -> &sys::rd_kafka_message_t {
        // SAFETY: the message lives as long as the event, which we hold.
        unsafe { self.message.as_ref() }
    }

    /// Returns its topic.
    pub fn topic(&self) -> &str {
        // SAFETY: the topic handle lives as long as the message; names are ASCII and end with a zero.
        unsafe { CStr::from_ptr(sys::rd_kafka_topic_name(self.message().rkt)) }.to_str().unwrap_or_default()
    }

    /// Returns its partition.
    pub fn partition(&self) -> i32 {
        self.message().partition
    }

    /// Returns its offset.
    pub fn offset(&self) -> i64 {
        self.message().offset
    }

    /// Returns its timestamp in milliseconds, 1 when it has none: what comes of it may carry this time, and librdkafka
    /// takes 0 for "none: now".
    pub fn timestamp(&self) -> i64 {
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is alive and `kind` is writable.
        unsafe { sys::rd_kafka_message_timestamp(self.message.as_ptr(), &mut kind) }.max(1)
    }

    /// Returns the record as a task takes it.
    pub fn input<'r>(&'r self, topic: &'r Topic) -> Input<'r> {
        Input {
            topic,
            partition: self.partition(),
            offset: self.offset(),
            timestamp: Timestamp::from_millis(self.timestamp()),
            key: self.key(),
            value: self.value(),
            headers: &self.headers,
        }
    }

    /// Returns its key.
    pub fn key(&self) -> Option<&[u8]> {
        let message = self.message();
        // SAFETY: librdkafka gives a pointer to `key_len` bytes, or null.
        unsafe { bytes(message.key.cast(), message.key_len) }
    }

    /// Returns its value.
    pub fn value(&self) -> Option<&[u8]> {
        let message = self.message();
        // SAFETY: librdkafka gives a pointer to `len` bytes, or null.
        unsafe { bytes(message.payload.cast(), message.len) }
    }
}

/// Returns a slice, or none for a null pointer.
///
/// # Safety
/// `start` is null or points to `length` bytes that live as long as the result.
unsafe fn bytes<'a>(start: *const u8, length: usize) -> Option<&'a [u8]> {
    // SAFETY: as the caller promises.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start, length) })
}

/// Takes the next record or event off a consumer's queue.
pub fn poll<C: ConsumerContext>(consumer: &BaseConsumer<C>, queue: &Queue, timeout: Duration) -> Polled {
    let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the queue is alive; the event is ours.
    let Some(event) = NonNull::new(unsafe { sys::rd_kafka_queue_poll(queue.0.as_ptr(), millis) }) else {
        return Polled::Nothing;
    };
    let event = Event(event);
    // SAFETY: the event is alive in all of these calls.
    unsafe {
        match sys::rd_kafka_event_type(event.0.as_ptr()) {
            sys::RD_KAFKA_EVENT_FETCH => fetched(event),
            sys::RD_KAFKA_EVENT_REBALANCE => rebalanced(&event),
            sys::RD_KAFKA_EVENT_ERROR => failed(consumer, &event),
            _ => Polled::Nothing,
        }
    }
}

/// # Safety
/// The event is a fetch event.
unsafe fn fetched(event: Event) -> Polled {
    // SAFETY: the message belongs to the event.
    let message = unsafe { sys::rd_kafka_event_message_next(event.0.as_ptr()) };
    let Some(message) = NonNull::new(message.cast_mut()) else { return Polled::Nothing };
    // SAFETY: the message is alive.
    let headers = unsafe { headers_of(message) };
    Polled::Record(Fetched { message, headers, _event: event })
}

/// # Safety
/// The message is alive.
unsafe fn headers_of(message: NonNull<sys::rd_kafka_message_t>) -> Vec<Header> {
    let mut list = ptr::null_mut();
    let mut headers = Vec::new();
    // SAFETY: the list belongs to the message; name and value stay valid while it lives and are copied here.
    unsafe {
        if sys::rd_kafka_message_headers(message.as_ptr(), &mut list)
            != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
        {
            return headers;
        }
        let (mut name, mut value, mut length) = (ptr::null(), ptr::null(), 0);
        while sys::rd_kafka_header_get_all(list, headers.len(), &mut name, &mut value, &mut length)
            == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
        {
            headers.push(Header {
                name: CStr::from_ptr(name).to_string_lossy().into_owned().into(),
                value: bytes(value.cast(), length).unwrap_or_default().to_vec(),
            });
        }
    }
    headers
}

/// # Safety
/// The event is a rebalance event.
unsafe fn rebalanced(event: &Event) -> Polled {
    // SAFETY: the list belongs to the event and is copied.
    let (error, partitions) = unsafe {
        let list = sys::rd_kafka_event_topic_partition_list(event.0.as_ptr());
        (sys::rd_kafka_event_error(event.0.as_ptr()), partitions_of(list))
    };
    match error {
        sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Polled::Assigned(partitions),
        sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => Polled::Revoked(partitions),
        other => Polled::Failed(KafkaFailure::new("rebalance", other.into(), false)),
    }
}

/// # Safety
/// `list` is null or a valid list.
unsafe fn partitions_of(list: *mut sys::rd_kafka_topic_partition_list_t) -> Vec<TopicPartition> {
    // SAFETY: as the caller promises. An empty list has no elements to point to.
    if list.is_null() || unsafe { (*list).elems.is_null() } {
        return Vec::new();
    }
    // SAFETY: the list holds `cnt` elements with names that end with a zero.
    unsafe {
        let elements = std::slice::from_raw_parts((*list).elems, usize::try_from((*list).cnt).unwrap_or(0));
        elements.iter().map(|e| (CStr::from_ptr(e.topic).to_string_lossy().into_owned(), e.partition)).collect()
    }
}

/// # Safety
/// The event is an error event.
unsafe fn failed<C: ConsumerContext>(consumer: &BaseConsumer<C>, event: &Event) -> Polled {
    // SAFETY: the event is alive; the topic-partition is ours to destroy.
    unsafe {
        let error = sys::rd_kafka_event_error(event.0.as_ptr());
        if error == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF {
            let Some(at) = NonNull::new(sys::rd_kafka_event_topic_partition(event.0.as_ptr())) else {
                return Polled::Nothing;
            };
            let topic = CStr::from_ptr(at.as_ref().topic).to_string_lossy().into_owned();
            let (partition, offset) = (at.as_ref().partition, at.as_ref().offset);
            sys::rd_kafka_topic_partition_destroy(at.as_ptr());
            return Polled::End((topic, partition), offset);
        }
        // A fatal error comes under a code of its own, which hides what it is.
        let cause = consumer.client().fatal_error().map(|(code, _)| code);
        let fatal = sys::rd_kafka_event_error_is_fatal(event.0.as_ptr()) != 0 || cause.is_some();
        Polled::Failed(KafkaFailure::new("consume", cause.unwrap_or(error.into()), fatal))
    }
}

/// Returns the end of an assigned partition as its last fetch told it, without asking.
pub fn cached_end<C: ConsumerContext>(consumer: &BaseConsumer<C>, topic: &str, partition: i32) -> Option<i64> {
    let topic = CString::new(topic).ok()?;
    let (mut low, mut high) = (0, 0);
    // SAFETY: the client is alive and both results are writable.
    let error = unsafe {
        sys::rd_kafka_get_watermark_offsets(
            consumer.client().native_ptr(),
            topic.as_ptr(),
            partition,
            &mut low,
            &mut high,
        )
    };
    (error == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}

/// Sends offsets into the open transaction of `producer`: those of `consumer`'s group, or of `group` when given, which
/// must have no members.
///
/// # Errors
/// When the broker refuses; the transaction must be given up then.
pub fn send_offsets<C: ConsumerContext, P: ProducerContext>(
    producer: &BaseProducer<P>,
    consumer: &BaseConsumer<C>,
    group: Option<&str>,
    offsets: &TopicPartitionList,
    timeout: Duration,
) -> Result<(), KafkaFailure> {
    let name = CString::new(group.unwrap_or_default()).unwrap_or_default();
    // SAFETY: clients and list are alive; the metadata is ours to destroy.
    unsafe {
        let metadata = match group {
            Some(_) => sys::rd_kafka_consumer_group_metadata_new(name.as_ptr().cast::<c_char>()),
            None => sys::rd_kafka_consumer_group_metadata(consumer.client().native_ptr()),
        };
        // Who has just lost the group has no generation, and brokers take that for a writer outside of any group.
        if group.is_none() && sys::rd_kafka_consumer_group_metadata_generation_id(metadata) < 0 {
            sys::rd_kafka_consumer_group_metadata_destroy(metadata);
            return Err(KafkaFailure::new("send offsets", RDKafkaErrorCode::AssignmentLost, false));
        }
        let error = sys::rd_kafka_send_offsets_to_transaction(
            producer.client().native_ptr(),
            offsets.ptr(),
            metadata,
            i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX),
        );
        sys::rd_kafka_consumer_group_metadata_destroy(metadata);
        checked("send offsets", error)
    }
}

/// Commits the open transaction of `producer`, which flushes it first.
///
/// # Errors
/// When it did not commit, or nobody knows whether it did: make a new producer with the same transactional id then.
pub fn commit<P: ProducerContext>(producer: &BaseProducer<P>, timeout: Duration) -> Result<(), KafkaFailure> {
    let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the producer is alive.
    unsafe { checked("commit", sys::rd_kafka_commit_transaction(producer.client().native_ptr(), millis)) }
}

/// # Safety
/// `error` is null or an error that is ours to destroy.
unsafe fn checked(what: &'static str, error: *mut sys::rd_kafka_error_t) -> Result<(), KafkaFailure> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: as the caller promises.
    unsafe {
        let failure =
            KafkaFailure::new(what, sys::rd_kafka_error_code(error).into(), sys::rd_kafka_error_is_fatal(error) != 0);
        sys::rd_kafka_error_destroy(error);
        Err(failure)
    }
}
