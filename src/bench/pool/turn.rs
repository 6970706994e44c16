//! Waits for connections, reads their input, and hands it to the load.

use std::io::ErrorKind;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mio::Events;
use mio::event::Event;

use super::{Load, Pool, session};
use crate::bench::connection::{Stage, Wire};
use crate::bench::frame::{self, Frame};
use crate::bench::{Failure, http, system};

impl Pool {
    /// Waits for input, at most for a time, and handles it.
    pub(in crate::bench) fn turn(
        &mut self,
        wait: Option<Duration>,
        load: &mut impl Load,
    ) -> Result<(), Failure> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Failure::Stopped);
        }
        match self.poll.poll(&mut self.events, wait) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(system("cannot wait for connections")(error)),
        }
        // They are taken out while the load may use the pool.
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut result = Ok(());
        for event in &events {
            result = self.handle(event, &mut buffer, load);
            if result.is_err() {
                break;
            }
        }
        self.events = events;
        self.buffer = buffer;
        result
    }

    fn handle(&mut self, event: &Event, buffer: &mut [u8], load: &mut impl Load) -> Result<(), Failure> {
        let at = event.token().0;
        let connection = &mut self.connections[at];
        if connection.stage == Stage::Closed {
            return Ok(());
        }
        if connection.stage == Stage::Connecting {
            match connection.is_connected() {
                Ok(true) => session::begin(self, at)?,
                Ok(false) => return Ok(()),
                Err(error) => return Err(self.unreachable(&error)),
            }
        } else if event.is_writable() {
            connection.flush().map_err(|error| self.lost(at, &error))?;
        }
        while event.is_readable() || event.is_read_closed() || event.is_error() {
            let read = self.connections[at].read(buffer).map_err(|error| self.broken(at, &error))?;
            let Some(count) = read else { break };
            self.input(at, &buffer[..count], load)?;
            // The system reports the bytes that arrive after a read has found no more.
            if self.connections[at].is_drained(count, buffer.len())
                || self.connections[at].stage == Stage::Closed
            {
                break;
            }
        }
        Ok(())
    }

    #[inline]
    fn input(&mut self, at: usize, input: &[u8], load: &mut impl Load) -> Result<(), Failure> {
        let Some(mut rest) = self.connections[at].rest.take() else {
            let taken = self.take(at, input, load)?;
            if taken < input.len() {
                self.connections[at].rest = Some(Box::new(input[taken..].to_vec()));
            }
            return Ok(());
        };
        rest.extend_from_slice(input);
        let taken = self.take(at, &rest, load)?;
        rest.drain(..taken);
        if !rest.is_empty() {
            self.connections[at].rest = Some(rest);
        }
        Ok(())
    }

    /// Handles complete frames and responses, and returns their length.
    #[inline]
    fn take(&mut self, at: usize, input: &[u8], load: &mut impl Load) -> Result<usize, Failure> {
        let mut taken = 0;
        while taken < input.len() {
            let input = &input[taken..];
            let connection = &self.connections[at];
            let end = match (connection.stage, connection.wire) {
                (Stage::Closed, _) => input.len(),
                (Stage::Upgrading, _) => match http::upgraded(input)? {
                    Some(end) => {
                        session::upgraded(self, at, load)?;
                        end
                    }
                    None => break,
                },
                (_, Wire::WebSocket) => match Frame::read(input) {
                    Some(frame) => {
                        self.frame(at, &frame, &input[frame.payload.clone()], load)?;
                        frame.payload.end
                    }
                    None => break,
                },
                (_, Wire::Polling) => match http::answer(input)? {
                    Some(answer) => {
                        session::payload(self, at, &answer.body, load)?;
                        answer.end
                    }
                    None => break,
                },
            };
            taken += end;
        }
        Ok(taken)
    }

    #[inline]
    fn frame(
        &mut self,
        at: usize,
        frame: &Frame,
        payload: &[u8],
        load: &mut impl Load,
    ) -> Result<(), Failure> {
        match frame.opcode {
            _ if !frame.whole => Err(Failure::NotBayeux("it sends messages in several frames".to_owned())),
            frame::PING => {
                let mut pong = Vec::new();
                frame::write_masked(&mut pong, frame::PONG, payload);
                self.send(at, &pong)
            }
            frame::PONG => Ok(()),
            frame::CLOSE => {
                let code = payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
                Err(self.lost(at, &format!("it closed the WebSocket with {code}")))
            }
            _ => session::payload(self, at, payload, load),
        }
    }
}
